#include "libs/rpc/waiting_calls.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "libs/base/monotonic.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/server.h"
#include "libs/rpc/testing/many_calls.h"
#include "proto/policy.grpc.pb.h"

namespace convrec::rpc {
namespace {

constexpr size_t kCalls = 200;
// gRPC, the server and the client have some, however many calls there are.
constexpr size_t kThreadsOfItsOwn = 40;

// A service whose WaitForVersion waits for a version, and what becomes of its calls.
class Versions final : public v1::PolicyService::CallbackService {
 public:
  grpc::ServerUnaryReactor* WaitForVersion(grpc::CallbackServerContext*,
                                           const v1::WaitForVersionRequest* request,
                                           v1::WaitForVersionReply* reply) override {
    grpc::ServerUnaryReactor* const reactor =
        calls_.Answer({.wait = absl::Milliseconds(request->wait_ms()),
                       .attempt = [this, request, reply] { return Try(*request, reply); },
                       .gone = [this] { Count(&num_gone_); }});
    Count(&num_arrived_);
    return reactor;
  }

  void Publish(int64_t version) {
    {
      absl::MutexLock lock(&mu_);
      version_ = version;
    }
    calls_.Wake();
  }
  void PublishAt(int64_t version, absl::Time time) {
    absl::MutexLock lock(&mu_);
    version_at_ = time;
    next_version_ = version;
  }
  void Close() { calls_.Close(); }

  bool AwaitArrived(int count) { return Await(num_arrived_, count); }
  bool AwaitGone(int count) { return Await(num_gone_, count); }
  int num_attempts() const {
    absl::MutexLock lock(&mu_);
    return num_attempts_;
  }
  // The versions that were held by those that were answered, in order.
  std::vector<int64_t> answered() const {
    absl::MutexLock lock(&mu_);
    return answered_;
  }

 private:
  WaitingCalls::Attempt Try(const v1::WaitForVersionRequest& request,
                            v1::WaitForVersionReply* reply) {
    absl::MutexLock lock(&mu_);
    ++num_attempts_;
    const bool is_time = version_at_ <= base::MonotonicNow();
    const int64_t version = is_time ? next_version_ : version_;
    if (version <= request.held_version()) return {.again = version_at_};
    reply->set_has_snapshot(true);
    answered_.push_back(request.held_version());
    return {.answer = absl::OkStatus()};
  }
  void Count(int* count) {
    absl::MutexLock lock(&mu_);
    ++*count;
  }
  bool Await(const int& count, int target) {
    absl::MutexLock lock(&mu_);
    const auto is_reached = [&] { return count >= target; };
    return base::AwaitFor(&mu_, absl::Condition(&is_reached), absl::Minutes(1));
  }

  mutable absl::Mutex mu_;
  int64_t version_ = 0;
  int64_t next_version_ = 0;
  absl::Time version_at_ = absl::InfiniteFuture();
  int num_attempts_ = 0;
  int num_arrived_ = 0;
  int num_gone_ = 0;
  std::vector<int64_t> answered_;
  WaitingCalls calls_;
};

class WaitingCallsTest : public ::testing::Test {
 protected:
  using Calls = ManyCalls<v1::WaitForVersionRequest, v1::WaitForVersionReply>;

  WaitingCallsTest() : server_(*Server::Start("127.0.0.1:0", {&service_})) {}
  // Whatever a test has left open ends with the server.
  ~WaitingCallsTest() override {
    server_->Shutdown(absl::ZeroDuration());
    EXPECT_TRUE(calls_.AwaitEnds(calls_.calls().size()));
  }

  Calls::Call& Start(absl::Duration wait, int64_t held = 0) {
    v1::WaitForVersionRequest request;
    request.set_wait_ms(absl::ToInt64Milliseconds(wait));
    request.set_held_version(held);
    return calls_.Start(request);
  }
  // All at the server.
  void StartMany(absl::Duration wait) {
    for (size_t i = 0; i < kCalls; ++i) Start(wait);
    ASSERT_TRUE(service_.AwaitArrived(kCalls));
  }
  void ExpectAll(grpc::StatusCode code, bool has_snapshot) {
    ASSERT_TRUE(calls_.AwaitEnds(calls_.calls().size()));
    for (const Calls::Call& call : calls_.calls()) {
      EXPECT_EQ(call.status.error_code(), code) << call.status.error_message();
      EXPECT_EQ(call.reply.has_snapshot(), has_snapshot);
    }
  }

  Versions service_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::PolicyService::Stub> stub_ =
      v1::PolicyService::NewStub(MakeChannel(server_->address()));
  Calls calls_{[this](auto* context, auto* request, auto* reply, auto done) {
    stub_->async()->WaitForVersion(context, request, reply, std::move(done));
  }};
};

TEST_F(WaitingCallsTest, CallsThatWaitHoldNoThreadAndAreAllAnsweredByTheEvent) {
  StartMany(absl::Hours(1));
  EXPECT_EQ(calls_.num_ended(), 0u);
  EXPECT_LT(NumThreadsOfProcess(), kThreadsOfItsOwn);
  service_.Publish(1);
  ExpectAll(grpc::StatusCode::OK, true);
  EXPECT_EQ(service_.answered().size(), kCalls);
}

TEST_F(WaitingCallsTest, AllAreAnsweredWithoutAnythingWhenTheirTimeIsOver) {
  const absl::Time start = base::MonotonicNow();
  StartMany(absl::Milliseconds(300));
  ExpectAll(grpc::StatusCode::OK, false);
  EXPECT_GE(base::MonotonicNow() - start, absl::Milliseconds(300));
}

TEST_F(WaitingCallsTest, CallersThatHaveGoneLeaveNothingBehind) {
  StartMany(absl::Hours(1));
  for (Calls::Call& call : calls_.calls()) call.context.TryCancel();
  ExpectAll(grpc::StatusCode::CANCELLED, false);
  EXPECT_TRUE(service_.AwaitGone(kCalls));
  service_.Publish(1);
  EXPECT_TRUE(service_.answered().empty());
}

TEST_F(WaitingCallsTest, AServerThatEndsEndsAllThatWait) {
  StartMany(absl::Hours(1));
  server_->Shutdown(absl::ZeroDuration());
  ASSERT_TRUE(calls_.AwaitEnds(kCalls));
  for (const Calls::Call& call : calls_.calls()) EXPECT_FALSE(call.status.ok());
  EXPECT_TRUE(service_.AwaitGone(kCalls));
}

TEST_F(WaitingCallsTest, CloseEndsAllWaitsAlsoLaterOnes) {
  StartMany(absl::Hours(1));
  service_.Close();
  ExpectAll(grpc::StatusCode::OK, false);
  Start(absl::Hours(1));
  ExpectAll(grpc::StatusCode::OK, false);
}

TEST_F(WaitingCallsTest, ThoseThatWaitAreTriedInTheOrderTheyCame) {
  for (int i = 0; i < 20; ++i) {
    Start(absl::Hours(1), i);
    ASSERT_TRUE(service_.AwaitArrived(i + 1));
  }
  service_.Publish(100);
  ExpectAll(grpc::StatusCode::OK, true);
  const std::vector<int64_t> answered = service_.answered();
  ASSERT_EQ(answered.size(), 20u);
  for (size_t i = 0; i < answered.size(); ++i) EXPECT_EQ(answered[i], static_cast<int64_t>(i));
}

TEST_F(WaitingCallsTest, AnAttemptIsRepeatedAtTheTimeThatItNamed) {
  service_.PublishAt(1, base::MonotonicNow() + absl::Milliseconds(200));
  Start(absl::Hours(1));
  ExpectAll(grpc::StatusCode::OK, true);
  EXPECT_LE(service_.num_attempts(), 3);
}

TEST_F(WaitingCallsTest, ACallThatMayNotWaitIsTriedOnce) {
  Start(absl::ZeroDuration());
  ExpectAll(grpc::StatusCode::OK, false);
  EXPECT_EQ(service_.num_attempts(), 1);
}

// Calls that come, are answered, time out and are given up while versions come: none is lost.
TEST_F(WaitingCallsTest, EveryCallEndsWhateverHappensAtTheSameTime) {
  for (int round = 1; round <= 40; ++round) {
    for (int i = 0; i < 20; ++i) {
      Calls::Call& call = Start(absl::Milliseconds(1 + 3 * i), round - (i % 2));
      if (i % 5 == 0) call.context.TryCancel();
    }
    service_.Publish(round);
  }
  ASSERT_TRUE(calls_.AwaitEnds(calls_.calls().size()));
  for (const Calls::Call& call : calls_.calls()) {
    EXPECT_TRUE(call.status.ok() || call.status.error_code() == grpc::StatusCode::CANCELLED)
        << call.status.error_message();
  }
}

}  // namespace
}  // namespace convrec::rpc
