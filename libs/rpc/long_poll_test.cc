#include "libs/rpc/long_poll.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <functional>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/server.h"
#include "proto/policy.grpc.pb.h"

namespace convrec::rpc {
namespace {

using Attempt = std::function<bool(absl::Time)>;

// A server whose WaitForVersion polls `attempt`, and how the poll ended.
class LongPollTest : public ::testing::Test, public v1::PolicyService::Service {
 protected:
  grpc::Status WaitForVersion(grpc::ServerContext* context,
                              const v1::WaitForVersionRequest* request,
                              v1::WaitForVersionReply* reply) override {
    const grpc::Status status =
        LongPoll(*context, absl::Milliseconds(request->wait_ms()), [&](absl::Time until) {
          ++num_attempts_;
          const bool has_answer = attempt_(until);
          reply->set_has_snapshot(has_answer);
          return has_answer;
        });
    code_ = status.error_code();
    ended_.Notify();
    return status;
  }

  grpc::Status Call(absl::Duration wait, grpc::ClientContext* context, const Attempt& attempt) {
    attempt_ = attempt;
    const auto server = Server::Start("127.0.0.1:0", {this});
    EXPECT_TRUE(server.ok()) << server.status();
    const auto stub = v1::PolicyService::NewStub(MakeChannel((*server)->address()));
    v1::WaitForVersionRequest request;
    request.set_wait_ms(absl::ToInt64Milliseconds(wait));
    const grpc::Status status = stub->WaitForVersion(context, request, &reply_);
    ended_.WaitForNotification();
    return status;
  }

  Attempt attempt_;
  int num_attempts_ = 0;
  v1::WaitForVersionReply reply_;
  grpc::StatusCode code_ = grpc::StatusCode::UNKNOWN;
  absl::Notification ended_;
};

TEST_F(LongPollTest, AnswerEndsTheWait) {
  grpc::ClientContext context;
  EXPECT_TRUE(Call(absl::Hours(1), &context, [](absl::Time) { return true; }).ok());
  EXPECT_TRUE(reply_.has_snapshot());
  EXPECT_EQ(num_attempts_, 1);
}

TEST_F(LongPollTest, AnswerOfALaterSliceArrives) {
  grpc::ClientContext context;
  EXPECT_TRUE(
      Call(absl::Hours(1), &context, [this](absl::Time) { return num_attempts_ == 2; }).ok());
  EXPECT_TRUE(reply_.has_snapshot());
}

TEST_F(LongPollTest, NoWaitIsOneAttempt) {
  grpc::ClientContext context;
  EXPECT_TRUE(Call(absl::ZeroDuration(), &context, [](absl::Time) { return false; }).ok());
  EXPECT_FALSE(reply_.has_snapshot());
  EXPECT_EQ(num_attempts_, 1);
}

TEST_F(LongPollTest, SourceThatAnswersAtOnceIsNotAskedWithoutPause) {
  grpc::ClientContext context;
  EXPECT_TRUE(Call(absl::Milliseconds(500), &context, [](absl::Time) { return false; }).ok());
  EXPECT_LE(num_attempts_, 4);  // 500 ms in slices of 200 ms.
}

TEST_F(LongPollTest, CallerThatHasGoneEndsTheWait) {
  grpc::ClientContext context;
  const auto cancel = [&context](absl::Time until) {
    context.TryCancel();
    absl::SleepFor(until - absl::Now());
    return false;
  };
  EXPECT_EQ(Call(absl::Hours(1), &context, cancel).error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(code_, grpc::StatusCode::CANCELLED);
}

}  // namespace
}  // namespace convrec::rpc
