#include "services/reward/reward_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "libs/wire/list_score.h"
#include "proto/reward.grpc.pb.h"

namespace convrec::reward {
namespace {

using ::testing::HasSubstr;

// Records what it is told; can hold scored calls back until they are let go.
class FakeObserver final : public RewardObserver {
 public:
  void OnAnswer(const std::string& code, absl::Duration) override {
    absl::MutexLock lock(&mu_);
    codes_.push_back(code);
  }
  void OnScores(const std::vector<domain::ListScore>& scores) override {
    absl::MutexLock lock(&mu_);
    num_lists_ += scores.size();
    ++num_waiting_;
    mu_.Await(absl::Condition(&is_open_));
  }
  void OnInFlight(int num_calls) override {
    absl::MutexLock lock(&mu_);
    in_flight_ = num_calls;
  }

  void Hold() {
    absl::MutexLock lock(&mu_);
    is_open_ = false;
  }
  void LetGo() {
    absl::MutexLock lock(&mu_);
    is_open_ = true;
  }
  void AwaitWaiting(int num_calls) {
    absl::MutexLock lock(&mu_);
    const auto enough = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return num_waiting_ >= num_calls; };
    mu_.Await(absl::Condition(&enough));
  }
  std::vector<std::string> codes() const {
    absl::MutexLock lock(&mu_);
    return codes_;
  }
  int in_flight() const {
    absl::MutexLock lock(&mu_);
    return in_flight_;
  }
  size_t num_lists() const {
    absl::MutexLock lock(&mu_);
    return num_lists_;
  }

 private:
  mutable absl::Mutex mu_;
  bool is_open_ ABSL_GUARDED_BY(mu_) = true;
  int num_waiting_ ABSL_GUARDED_BY(mu_) = 0;
  int in_flight_ ABSL_GUARDED_BY(mu_) = 0;
  size_t num_lists_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::string> codes_ ABSL_GUARDED_BY(mu_);
};

class RewardServiceTest : public ::testing::Test {
 protected:
  RewardServiceTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.service());
    server_ = builder.BuildAndStart();
    stub_ = v1::RewardService::NewStub(server_->InProcessChannel({}));
  }
  ~RewardServiceTest() override {
    observer_.LetGo();
    server_->Shutdown();
  }

  static v1::ScoreGroupRequest Request() {
    v1::ScoreGroupRequest request;
    request.add_completions("A (1999)\nB (2000)");
    request.add_completions("B (2000)\nA \xff");
    v1::Item* truth = request.add_ground_truth();
    truth->set_title("a");
    truth->set_year(1998);
    request.add_seen_titles("B");
    return request;
  }

  grpc::Status Score(const v1::ScoreGroupRequest& request, v1::ScoreGroupReply* reply) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    return stub_->ScoreGroup(&context, request, reply);
  }

  const catalog::Catalog catalog_ =
      *catalog::Catalog::FromItems({{{"A", 1999}, {}, 0}, {{"B", 2000}, {}, 0}}, "test");
  const ListScorer scorer_{&catalog_, {.num_ranks = 3}};
  FakeObserver observer_;
  RewardService service_{&scorer_, {.max_in_flight = 2, .num_threads = 1}, &observer_};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::RewardService::Stub> stub_;
};

TEST_F(RewardServiceTest, DescribesCatalogAndRules) {
  grpc::ClientContext context;
  v1::DescribeReply reply;
  ASSERT_TRUE(stub_->Describe(&context, {}, &reply).ok());
  EXPECT_EQ(reply.catalog_digest(), catalog_.digest());
  EXPECT_EQ(reply.catalog_size(), 2);
  EXPECT_EQ(reply.rules(), "exp_inf N=3 year_tolerance=2 by_line");
  EXPECT_EQ(reply.num_ranks(), 3);
}

TEST_F(RewardServiceTest, ScoresEachCompletionInOrder) {
  v1::ScoreGroupReply reply;
  v1::ScoreGroupRequest request = Request();
  request.set_catalog_digest(catalog_.digest());
  const grpc::Status status = Score(request, &reply);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(reply.scores_size(), 2);
  EXPECT_EQ(reply.catalog_digest(), catalog_.digest());
  const auto first = wire::FromProto(reply.scores(0), 3);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->rank_rewards, (std::vector<float>{1, 0, 0}));
  EXPECT_EQ(first->lines[1].outcome, domain::LineOutcome::kSeen);
  EXPECT_EQ(reply.scores(1).lines(1).outcome(), v1::LINE_OUTCOME_MALFORMED);
  EXPECT_EQ(observer_.codes(), std::vector<std::string>{"OK"});
  EXPECT_EQ(observer_.num_lists(), 2u);
  EXPECT_EQ(observer_.in_flight(), 0);
}

TEST_F(RewardServiceTest, RepeatedCallsHaveTheSameAnswer) {
  v1::ScoreGroupReply first;
  v1::ScoreGroupReply second;
  ASSERT_TRUE(Score(Request(), &first).ok());
  ASSERT_TRUE(Score(Request(), &second).ok());
  EXPECT_EQ(first.SerializeAsString(), second.SerializeAsString());
}

TEST_F(RewardServiceTest, WrongRequestsAreRefusedByField) {
  v1::ScoreGroupRequest no_lists = Request();
  no_lists.clear_completions();
  v1::ScoreGroupRequest no_truth = Request();
  no_truth.clear_ground_truth();
  v1::ScoreGroupRequest bad_year = Request();
  bad_year.mutable_ground_truth(0)->set_year(-1);
  v1::ScoreGroupRequest other_catalog = Request();
  other_catalog.set_catalog_digest("0123");
  struct Case {
    v1::ScoreGroupRequest request;
    grpc::StatusCode code;
    std::string message;
  };
  const std::vector<Case> cases = {
      {no_lists, grpc::StatusCode::INVALID_ARGUMENT, "completions is empty"},
      {no_truth, grpc::StatusCode::INVALID_ARGUMENT, "ground_truth is empty"},
      {bad_year, grpc::StatusCode::INVALID_ARGUMENT, "ground_truth[0]"},
      {other_catalog, grpc::StatusCode::FAILED_PRECONDITION, "catalog_digest is 0123"}};
  for (const Case& c : cases) {
    v1::ScoreGroupReply reply;
    const grpc::Status status = Score(c.request, &reply);
    EXPECT_EQ(status.error_code(), c.code) << c.message;
    EXPECT_THAT(status.error_message(), HasSubstr(c.message));
  }
  EXPECT_EQ(observer_.codes().size(), cases.size());
  EXPECT_EQ(observer_.in_flight(), 0);
}

TEST_F(RewardServiceTest, CallsBeyondTheLimitAreRefusedAndLaterOnesAdmitted) {
  observer_.Hold();
  std::vector<std::thread> callers;
  std::vector<v1::ScoreGroupReply> replies(2);
  std::vector<grpc::Status> statuses(2);
  callers.emplace_back([&] { statuses[0] = Score(Request(), &replies[0]); });
  observer_.AwaitWaiting(1);  // The only thread is busy: the next call waits in the queue.
  callers.emplace_back([&] { statuses[1] = Score(Request(), &replies[1]); });
  while (observer_.in_flight() < 2) std::this_thread::yield();
  v1::ScoreGroupReply refused;
  const grpc::Status status = Score(Request(), &refused);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("2 calls are in flight"));
  observer_.LetGo();
  for (std::thread& caller : callers) caller.join();
  EXPECT_TRUE(statuses[0].ok());
  EXPECT_TRUE(statuses[1].ok());
  EXPECT_TRUE(Score(Request(), &refused).ok());
}

TEST_F(RewardServiceTest, CallThatWasGivenUpIsNotScored) {
  observer_.Hold();
  v1::ScoreGroupReply reply;
  std::thread busy([&] { EXPECT_TRUE(Score(Request(), &reply).ok()); });
  observer_.AwaitWaiting(1);
  grpc::ClientContext context;
  v1::ScoreGroupReply given_up;
  std::thread caller([&] {
    EXPECT_EQ(stub_->ScoreGroup(&context, Request(), &given_up).error_code(),
              grpc::StatusCode::CANCELLED);
  });
  while (observer_.in_flight() < 2) std::this_thread::yield();
  context.TryCancel();
  caller.join();
  observer_.LetGo();
  busy.join();
  while (observer_.in_flight() > 0) std::this_thread::yield();
  EXPECT_EQ(observer_.num_lists(), 2u);  // Of the first call only.
}

}  // namespace
}  // namespace convrec::reward
