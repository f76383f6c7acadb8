#include "services/reward/reward_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <thread>

#include "libs/rpc/call.h"
#include "libs/wire/list_score.h"
#include "proto/reward.grpc.pb.h"
#include "services/reward/testing/fake_observer.h"

namespace convrec::reward {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

class RewardServiceTest : public ::testing::Test {
 protected:
  RewardServiceTest() { Start({.num_threads = 1, .admission = {.max_calls = 2}}); }
  ~RewardServiceTest() override { Stop(); }

  void Start(const RewardService::Options& options) {
    service_ = std::make_unique<RewardService>(&scorer_, nullptr, options, &observer_);
    grpc::ServerBuilder builder;
    builder.RegisterService(service_->service());
    server_ = builder.BuildAndStart();
    stub_ = v1::RewardService::NewStub(server_->InProcessChannel({}));
  }
  void Stop() {
    observer_.LetGo();
    server_->Shutdown();
  }
  void Restart(const RewardService::Options& options) {
    Stop();
    stub_.reset();
    server_.reset();
    Start(options);
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
    return Score(request, reply, &context);
  }
  grpc::Status Score(const v1::ScoreGroupRequest& request,
                     v1::ScoreGroupReply* reply,
                     grpc::ClientContext* context) {
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    return stub_->ScoreGroup(context, request, reply);
  }

  static std::shared_ptr<const scoring::ListScorer> MakeScorer(const catalog::Catalog& catalog) {
    return *scoring::ListScorer::Create(catalog, {.num_ranks = 3});
  }

  const catalog::Catalog catalog_ =
      *catalog::Catalog::FromItems({{{"A", 1999}, {}, 0}, {{"B", 2000}, {}, 0}}, "test");
  LiveScorer scorer_{MakeScorer(catalog_)};
  FakeObserver observer_;
  std::unique_ptr<RewardService> service_;
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
  EXPECT_EQ(reply.rules_digest(), scorer_.Get()->rules_digest());
}

TEST_F(RewardServiceTest, ScoresEachCompletionInOrder) {
  v1::ScoreGroupReply reply;
  v1::ScoreGroupRequest request = Request();
  request.set_catalog_digest(catalog_.digest());
  request.set_rules_digest(scorer_.Get()->rules_digest());
  const grpc::Status status = Score(request, &reply);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(reply.scores_size(), 2);
  EXPECT_EQ(reply.catalog_digest(), catalog_.digest());
  const auto first = wire::FromProto(reply.scores(0), 3);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->rank_rewards, (std::vector<float>{1, 0, 0}));
  EXPECT_EQ(first->lines[0].ground_truth, 0);
  EXPECT_EQ(first->lines[1].outcome, domain::LineOutcome::kSeen);
  EXPECT_EQ(reply.scores(1).lines(1).outcome(), v1::LINE_OUTCOME_MALFORMED);
  EXPECT_EQ(observer_.codes(), std::vector<std::string>{"OK"});
  EXPECT_EQ(observer_.num_lists(), 2u);
  EXPECT_EQ(observer_.load().calls, 0);
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
  v1::ScoreGroupRequest other_rules = Request();
  other_rules.set_rules_digest("4567");
  struct Case {
    v1::ScoreGroupRequest request;
    grpc::StatusCode code;
    std::string message;
  };
  const std::vector<Case> cases = {
      {no_lists, grpc::StatusCode::INVALID_ARGUMENT, "completions is empty"},
      {no_truth, grpc::StatusCode::INVALID_ARGUMENT, "ground_truth is empty"},
      {bad_year, grpc::StatusCode::INVALID_ARGUMENT, "ground_truth[0]"},
      {other_catalog, grpc::StatusCode::FAILED_PRECONDITION, "catalog_digest is 0123"},
      {other_rules, grpc::StatusCode::FAILED_PRECONDITION, "rules_digest is 4567"}};
  for (const Case& c : cases) {
    v1::ScoreGroupReply reply;
    const grpc::Status status = Score(c.request, &reply);
    EXPECT_EQ(status.error_code(), c.code) << c.message;
    EXPECT_THAT(status.error_message(), HasSubstr(c.message));
  }
  EXPECT_EQ(observer_.codes().size(), cases.size());
  EXPECT_EQ(observer_.load().calls, 0);
}

TEST_F(RewardServiceTest, CallsBeyondTheLimitAreRefusedAndLaterOnesAdmitted) {
  observer_.Hold();
  std::vector<std::thread> callers;
  std::vector<v1::ScoreGroupReply> replies(2);
  std::vector<grpc::Status> statuses(2);
  callers.emplace_back([&] { statuses[0] = Score(Request(), &replies[0]); });
  observer_.AwaitWaiting(1);  // The only thread is busy: the next call waits in the queue.
  callers.emplace_back([&] { statuses[1] = Score(Request(), &replies[1]); });
  while (observer_.load().calls < 2) std::this_thread::yield();
  v1::ScoreGroupReply refused;
  grpc::ClientContext context;
  const grpc::Status status = Score(Request(), &refused, &context);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto hint = trailers.find(rpc::kRetryAfterTrailer);
  ASSERT_NE(hint, trailers.end());
  EXPECT_EQ(std::string(hint->second.data(), hint->second.size()), "50");
  EXPECT_EQ(observer_.refusals(), std::vector<std::string>{"calls"});
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
  while (observer_.load().calls < 2) std::this_thread::yield();
  context.TryCancel();
  caller.join();
  observer_.LetGo();
  busy.join();
  while (observer_.load().calls > 0) std::this_thread::yield();
  EXPECT_EQ(observer_.num_lists(), 2u);  // Of the first call only.
}

TEST_F(RewardServiceTest, CallWhoseDeadlineHasPassedIsNotScored) {
  observer_.Hold();
  v1::ScoreGroupReply reply;
  std::thread busy([&] { EXPECT_TRUE(Score(Request(), &reply).ok()); });
  observer_.AwaitWaiting(1);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(20));
  v1::ScoreGroupReply late;
  EXPECT_EQ(stub_->ScoreGroup(&context, Request(), &late).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  observer_.LetGo();
  busy.join();
  while (observer_.load().calls > 0) std::this_thread::yield();
  EXPECT_EQ(observer_.num_lists(), 2u);  // Of the first call only.
}

TEST_F(RewardServiceTest, ListsBeyondTheLimitsAreRefusedByField) {
  Restart({.num_threads = 1, .limits = {.max_lists = 2, .max_lines = 3, .max_list_bytes = 20}});
  const auto error_of = [&](const std::vector<std::string>& completions) {
    v1::ScoreGroupRequest request = Request();
    request.clear_completions();
    for (const std::string& completion : completions) request.add_completions(completion);
    v1::ScoreGroupReply reply;
    const grpc::Status status = Score(request, &reply);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    return status.error_message();
  };
  EXPECT_EQ(error_of({"", "", ""}), "completions has 3 lists: expected at most 2");
  EXPECT_EQ(error_of({"", "\n\n\n"}), "completions[1] has 3 line breaks: expected at most 2");
  EXPECT_EQ(error_of({std::string(21, 'x')}), "completions[0] has 21 bytes: expected at most 20");
  EXPECT_EQ(observer_.num_lists(), 0u);
}

TEST_F(RewardServiceTest, RequestsAreRefusedWhenTheirBytesFindNoRoom) {
  Restart({.num_threads = 1, .admission = {.max_held_bytes = 4096}});
  v1::ScoreGroupRequest request = Request();
  v1::ScoreGroupReply reply;
  EXPECT_TRUE(Score(request, &reply).ok());
  request.set_completions(0, std::string(4000, 'x'));
  EXPECT_EQ(Score(request, &reply).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(observer_.refusals(), std::vector<std::string>{"bytes"});
  EXPECT_EQ(observer_.load().held_bytes, 0);
}

TEST_F(RewardServiceTest, OneClientCannotTakeAllPlaces) {
  Restart({.num_threads = 1, .admission = {.max_calls = 8, .max_calls_per_client = 1}});
  observer_.Hold();
  v1::ScoreGroupReply first;
  std::thread busy([&] { EXPECT_TRUE(Score(Request(), &first).ok()); });
  observer_.AwaitWaiting(1);
  v1::ScoreGroupReply refused;
  const grpc::Status status = Score(Request(), &refused);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("of this client"));
  observer_.LetGo();
  busy.join();
  EXPECT_TRUE(Score(Request(), &refused).ok());
}

TEST_F(RewardServiceTest, ANewCatalogIsInUseAtOnceAndForWholeCalls) {
  observer_.Hold();
  v1::ScoreGroupReply old_reply;
  std::thread busy([&] { EXPECT_TRUE(Score(Request(), &old_reply).ok()); });
  observer_.AwaitWaiting(1);
  const catalog::Catalog next = *catalog::Catalog::FromItems({{{"C", 2001}, {}, 0}}, "next");
  scorer_.Set(MakeScorer(next));
  observer_.LetGo();
  busy.join();
  EXPECT_EQ(old_reply.catalog_digest(), catalog_.digest());
  EXPECT_EQ(old_reply.scores(0).lines(0).outcome(), v1::LINE_OUTCOME_HIT);
  v1::ScoreGroupReply reply;
  ASSERT_TRUE(Score(Request(), &reply).ok());
  EXPECT_EQ(reply.catalog_digest(), next.digest());
  EXPECT_EQ(reply.scores(0).lines(0).outcome(), v1::LINE_OUTCOME_OFF_CATALOG);
  v1::ScoreGroupRequest request = Request();
  request.set_catalog_digest(catalog_.digest());
  EXPECT_EQ(Score(request, &reply).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

// Callers keep scoring while the catalog changes under them: none fails, and each answer is of one
// catalog alone.
TEST_F(RewardServiceTest, ExchangingTheCatalogDropsNoCall) {
  Restart({.num_threads = 2, .admission = {.max_calls = 8}});
  const catalog::Catalog other = *catalog::Catalog::FromItems({{{"C", 2001}, {}, 0}}, "other");
  std::vector<std::thread> callers;
  std::vector<int> num_wrong(4);
  for (int& wrong : num_wrong) {
    callers.emplace_back([&, this] {
      for (int i = 0; i < 200; ++i) {
        v1::ScoreGroupReply reply;
        if (!Score(Request(), &reply).ok()) ++wrong;
        const bool is_first = reply.catalog_digest() == catalog_.digest();
        const bool is_hit = reply.scores(0).lines(0).outcome() == v1::LINE_OUTCOME_HIT;
        if (is_first != is_hit) ++wrong;
      }
    });
  }
  for (int i = 0; i < 200; ++i) scorer_.Set(MakeScorer(i % 2 == 0 ? other : catalog_));
  for (std::thread& caller : callers) caller.join();
  EXPECT_THAT(num_wrong, Each(0));
}

}  // namespace
}  // namespace convrec::reward
