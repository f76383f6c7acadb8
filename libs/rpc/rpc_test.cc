#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "absl/synchronization/notification.h"
#include "libs/base/testing/fake_clock.h"
#include "libs/rpc/call.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/health_client.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status_convert.h"
#include "proto/reward.grpc.pb.h"

namespace convrec::rpc {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kLoopback[] = "127.0.0.1:0";
constexpr absl::Duration kPatience = absl::Seconds(20);

// Answers Describe with `answer`.
class FakeReward final : public v1::RewardService::Service {
 public:
  explicit FakeReward(std::function<grpc::Status(v1::DescribeReply*)> answer)
      : answer_(std::move(answer)) {}
  grpc::Status Describe(grpc::ServerContext*,
                        const v1::DescribeRequest*,
                        v1::DescribeReply* reply) override {
    return answer_(reply);
  }

 private:
  const std::function<grpc::Status(v1::DescribeReply*)> answer_;
};

// Records waits, which take no time.
CallOptions Recorded(std::vector<absl::Duration>* waits, int stop_after = 1000) {
  CallOptions options;
  options.attempt_timeout = kPatience;
  options.wait = [waits, stop_after](absl::Duration wait) {
    waits->push_back(wait);
    return static_cast<int>(waits->size()) >= stop_after;
  };
  return options;
}

TEST(StatusConvertTest, CodesAndMessagesGoBothWays) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "why");
    EXPECT_EQ(FromGrpc(ToGrpc(status)), status);
    EXPECT_EQ(static_cast<int>(ToGrpc(status).error_code()), code);
  }
  EXPECT_TRUE(FromGrpc(grpc::Status::OK).ok());
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
}

TEST(ServerTest, PortZeroBecomesABoundPortThatAnswers) {
  FakeReward service([](v1::DescribeReply* reply) {
    reply->set_rules("exp_inf");
    return grpc::Status::OK;
  });
  const auto server = Server::Start(kLoopback, {&service});
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_GT((*server)->port(), 0);
  EXPECT_EQ((*server)->address(), "127.0.0.1:" + std::to_string((*server)->port()));
  const auto stub = v1::RewardService::NewStub(MakeChannel((*server)->address()));
  v1::DescribeReply reply;
  const absl::Status status = CallWithRetry({}, [&](grpc::ClientContext* context) {
    return stub->Describe(context, v1::DescribeRequest(), &reply);
  });
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(reply.rules(), "exp_inf");
}

TEST(ServerTest, MessagesOfManyMegabytesPass) {
  FakeReward service([](v1::DescribeReply* reply) {
    reply->set_rules(std::string(32 << 20, 'x'));
    return grpc::Status::OK;
  });
  const auto server = Server::Start(kLoopback, {&service});
  ASSERT_TRUE(server.ok()) << server.status();
  const auto stub = v1::RewardService::NewStub(MakeChannel((*server)->address()));
  grpc::ClientContext context;
  v1::DescribeReply reply;
  ASSERT_TRUE(stub->Describe(&context, v1::DescribeRequest(), &reply).ok());
  EXPECT_THAT(reply.rules(), SizeIs(32 << 20));
}

TEST(ServerTest, PortInUseIsAnErrorThatNamesTheAddress) {
  const auto first = Server::Start(kLoopback, {});
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = Server::Start((*first)->address(), {});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists) << second.status();
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("cannot listen on " + (*first)->address()));
}

TEST(ServerTest, AddressThatIsNoneIsRefused) {
  EXPECT_EQ(Server::Start("nowhere", {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Server::Start("127.0.0.1:port", {}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ServerTest, ReadinessFollowsSetServingAndLivenessDoesNot) {
  const auto server = Server::Start(kLoopback, {});
  ASSERT_TRUE(server.ok()) << server.status();
  const auto health = [&](const std::string& service) {
    return CheckHealth((*server)->address(), service, kPatience);
  };
  EXPECT_EQ(*health("liveness"), Health::kServing);
  EXPECT_EQ(*health("readiness"), Health::kNotServing);
  EXPECT_EQ(*health(""), Health::kNotServing);
  (*server)->SetServing(true);
  EXPECT_EQ(*health("readiness"), Health::kServing);
  EXPECT_EQ(*health(""), Health::kServing);
  (*server)->SetServing(false);
  EXPECT_EQ(*health("readiness"), Health::kNotServing);
  EXPECT_EQ(*health("liveness"), Health::kServing);
  EXPECT_TRUE(absl::IsNotFound(health("other").status()));
}

TEST(ServerTest, HealthOfAClosedPortIsUnavailable) {
  std::string address;
  {
    const auto server = Server::Start(kLoopback, {});
    ASSERT_TRUE(server.ok()) << server.status();
    address = (*server)->address();
  }
  const absl::Status status = CheckHealth(address, "", kPatience).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(address));
}

TEST(ServerTest, ShutdownLetsARunningCallFinish) {
  absl::Notification entered, leave;
  FakeReward service([&](v1::DescribeReply*) {
    entered.Notify();
    leave.WaitForNotification();
    return grpc::Status::OK;
  });
  const auto server = Server::Start(kLoopback, {&service});
  ASSERT_TRUE(server.ok()) << server.status();
  const auto stub = v1::RewardService::NewStub(MakeChannel((*server)->address()));
  grpc::Status result = grpc::Status::CANCELLED;
  std::thread caller([&] {
    grpc::ClientContext context;
    v1::DescribeReply reply;
    result = stub->Describe(&context, v1::DescribeRequest(), &reply);
  });
  entered.WaitForNotification();
  std::thread stopper([&] { (*server)->Shutdown(kPatience); });
  leave.Notify();
  stopper.join();
  caller.join();
  EXPECT_TRUE(result.ok()) << result.error_message();
  (*server)->Shutdown(kPatience);  // Again, with nothing left to do.
}

TEST(CallTest, TransientErrorsAreRepeatedWithGrowingJitteredWaits) {
  std::vector<absl::Duration> waits;
  CallOptions options = Recorded(&waits);
  options.initial_backoff = absl::Milliseconds(100);
  options.max_backoff = absl::Milliseconds(300);
  const grpc::StatusCode codes[] = {grpc::StatusCode::UNAVAILABLE,
                                    grpc::StatusCode::DEADLINE_EXCEEDED,
                                    grpc::StatusCode::RESOURCE_EXHAUSTED,
                                    // The status of calls in flight when a server shuts down.
                                    grpc::StatusCode::CANCELLED};
  size_t attempts = 0;
  const absl::Status status = CallWithRetry(options, [&](grpc::ClientContext*) {
    return attempts < 4 ? grpc::Status(codes[attempts++], "later") : grpc::Status::OK;
  });
  EXPECT_TRUE(status.ok()) << status;
  const double full[] = {100, 200, 300, 300};  // Milliseconds; each wait is half of it or more.
  ASSERT_THAT(waits, SizeIs(4));
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_GE(waits[i], absl::Milliseconds(full[i] / 2));
    EXPECT_LE(waits[i], absl::Milliseconds(full[i]));
  }
}

TEST(CallTest, OtherErrorsAreReturnedAtOnce) {
  std::vector<absl::Duration> waits;
  const absl::Status status = CallWithRetry(Recorded(&waits), [](grpc::ClientContext*) {
    return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "another catalog");
  });
  EXPECT_EQ(status, absl::FailedPreconditionError("another catalog"));
  EXPECT_THAT(waits, SizeIs(0));
}

// gRPC gives it the code of a busy peer; retrying it would go on forever.
TEST(CallTest, AMessageThatIsTooLargeForThePeerIsNotRepeated) {
  FakeReward service([](v1::DescribeReply*) { return grpc::Status::OK; });
  const auto server = Server::Start(kLoopback, {&service}, {.max_message_bytes = 1000});
  ASSERT_TRUE(server.ok()) << server.status();
  const auto stub = v1::RewardService::NewStub(MakeChannel((*server)->address()));
  v1::ScoreGroupRequest request;
  request.add_completions(std::string(2000, 'x'));
  v1::ScoreGroupReply reply;
  std::vector<absl::Duration> waits;
  const absl::Status status = CallWithRetry(Recorded(&waits), [&](grpc::ClientContext* context) {
    return stub->ScoreGroup(context, request, &reply);
  });
  EXPECT_TRUE(absl::IsOutOfRange(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("larger than max"));
  EXPECT_THAT(waits, SizeIs(0));
}

TEST(CallTest, StopEndsTheRepetition) {
  std::vector<absl::Duration> waits;
  const absl::Status status =
      CallWithRetry(Recorded(&waits, /*stop_after=*/3), [](grpc::ClientContext*) {
        return grpc::Status(grpc::StatusCode::UNAVAILABLE, "nobody there");
      });
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("nobody there"));
  EXPECT_THAT(waits, SizeIs(3));
}

TEST(CallTest, TotalTimeoutReturnsTheLastError) {
  std::vector<absl::Duration> waits;
  base::FakeClock clock;
  CallOptions options = Recorded(&waits);
  options.clock = &clock;
  options.total_timeout = absl::Seconds(10);
  const absl::Status status = CallWithRetry(options, [&](grpc::ClientContext*) {
    clock.Advance(absl::Seconds(4));
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "nobody there");
  });
  EXPECT_EQ(status, absl::UnavailableError("nobody there"));
  EXPECT_THAT(waits, SizeIs(2));  // After 4 and 8 s; the wait after 12 s would end past 10 s.
}

TEST(CallTest, ZeroTotalTimeoutIsOneAttempt) {
  std::vector<absl::Duration> waits;
  CallOptions options = Recorded(&waits);
  options.total_timeout = absl::ZeroDuration();
  EXPECT_TRUE(absl::IsUnavailable(CallWithRetry(options, [](grpc::ClientContext*) {
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "nobody there");
  })));
  EXPECT_THAT(waits, SizeIs(0));
}

TEST(CallTest, AttemptThatHangsMeetsItsDeadline) {
  absl::Notification leave;
  FakeReward service([&](v1::DescribeReply*) {
    leave.WaitForNotification();
    return grpc::Status::OK;
  });
  const auto server = Server::Start(kLoopback, {&service});
  ASSERT_TRUE(server.ok()) << server.status();
  const auto stub = v1::RewardService::NewStub(MakeChannel((*server)->address()));
  CallOptions options;
  options.attempt_timeout = absl::Milliseconds(50);
  options.total_timeout = absl::ZeroDuration();
  const absl::Status status = CallWithRetry(options, [&](grpc::ClientContext* context) {
    v1::DescribeReply reply;
    return stub->Describe(context, v1::DescribeRequest(), &reply);
  });
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  leave.Notify();
}

}  // namespace
}  // namespace convrec::rpc
