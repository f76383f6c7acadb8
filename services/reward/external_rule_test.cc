#include "services/reward/external_rule.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <functional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "proto/reward_rule.grpc.pb.h"
#include "services/reward/testing/fake_observer.h"

namespace convrec::reward {
namespace {

using ::testing::ElementsAre;

// Gives rank k of list i the value 10 i + k, after `damage` has had its way.
class FakeRule final : public v1::RewardRuleService::Service {
 public:
  grpc::Status EvaluateLists(grpc::ServerContext* context,
                             const v1::EvaluateListsRequest* request,
                             v1::EvaluateListsReply* reply) override {
    std::function<void(v1::EvaluateListsReply*)> damage;
    {
      absl::MutexLock lock(&mu_);
      last_ = *request;
      damage = damage_;
    }
    if (hangs) {
      while (!context->IsCancelled()) std::this_thread::yield();
      return grpc::Status::CANCELLED;
    }
    for (int i = 0; i < request->lists_size(); ++i) {
      v1::RankValues* values = reply->add_lists();
      for (int k = 0; k < request->num_ranks(); ++k) {
        values->add_values(static_cast<float>(10 * i + k));
      }
    }
    if (damage) damage(reply);
    return grpc::Status::OK;
  }

  // The request that came last.
  v1::EvaluateListsRequest last() const {
    absl::MutexLock lock(&mu_);
    return last_;
  }

  void Damage(std::function<void(v1::EvaluateListsReply*)> damage) {
    absl::MutexLock lock(&mu_);
    damage_ = std::move(damage);
  }

  std::atomic<bool> hangs{false};

 private:
  mutable absl::Mutex mu_;
  std::function<void(v1::EvaluateListsReply*)> damage_ ABSL_GUARDED_BY(mu_);
  v1::EvaluateListsRequest last_ ABSL_GUARDED_BY(mu_);
};

class ExternalRuleTest : public ::testing::Test {
 protected:
  ExternalRuleTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&rule_);
    server_ = builder.BuildAndStart();
    address_ = absl::StrCat("127.0.0.1:", port);
  }

  // Two lists with two ranks whose rewards are 1, 0 and 0, 1.
  std::vector<std::vector<float>> Apply(absl::Duration timeout) {
    ExternalRule rule({.address = address_, .weight = .5, .timeout = timeout, .default_value = -2},
                      &observer_);
    ExternalRule::Scores scores(2);
    scores[0].rank_rewards = {1, 0};
    scores[0].lines = {{0,
                        {"A", 1999},
                        domain::LineOutcome::kHit,
                        true,
                        false,
                        false,
                        domain::LineMatch::kTitle,
                        0}};
    scores[1].rank_rewards = {0, 1};
    const std::vector<std::string_view> texts = {"A (1999)", "\xff"};
    const std::vector<domain::Item> truth = {{"A", 1999}};
    const std::vector<std::string> seen = {"S"};
    absl::Notification done;
    std::vector<std::vector<float>> rewards;
    rule.Apply({texts, truth, seen}, scores, [&](ExternalRule::Scores whole) {
      for (const domain::ListScore& score : whole) rewards.push_back(score.rank_rewards);
      done.Notify();
    });
    done.WaitForNotification();
    return rewards;
  }

  FakeRule rule_;
  FakeObserver observer_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

TEST_F(ExternalRuleTest, ItsValuesAreAddedByWeight) {
  EXPECT_THAT(Apply(absl::Minutes(1)), ElementsAre(ElementsAre(1, .5), ElementsAre(5, 6.5)));
  EXPECT_THAT(observer_.external(), ElementsAre(true));
  const v1::EvaluateListsRequest request = rule_.last();
  EXPECT_EQ(request.lists(0).lines(0).outcome(), v1::LINE_OUTCOME_HIT);
  EXPECT_EQ(request.lists(1).completion(), "\xff");
  EXPECT_EQ(request.ground_truth(0).title(), "A");
  EXPECT_EQ(request.seen_titles(0), "S");
}

TEST_F(ExternalRuleTest, NoAnswerInTimeGivesTheDefault) {
  rule_.hangs = true;
  EXPECT_THAT(Apply(absl::Milliseconds(20)), ElementsAre(ElementsAre(0, -1), ElementsAre(-1, 0)));
  EXPECT_THAT(observer_.external(), ElementsAre(false));
}

TEST_F(ExternalRuleTest, NoServiceGivesTheDefault) {
  server_->Shutdown();
  EXPECT_THAT(Apply(absl::Seconds(5)), ElementsAre(ElementsAre(0, -1), ElementsAre(-1, 0)));
}

TEST_F(ExternalRuleTest, AMalformedAnswerGivesTheDefault) {
  const std::function<void(v1::EvaluateListsReply*)> damages[] = {
      [](auto* reply) { reply->mutable_lists()->RemoveLast(); },
      [](auto* reply) { reply->mutable_lists(1)->add_values(0); },
      [](auto* reply) { reply->mutable_lists(0)->set_values(1, std::nanf("")); }};
  for (const auto& damage : damages) {
    rule_.Damage(damage);
    EXPECT_THAT(Apply(absl::Minutes(1)), ElementsAre(ElementsAre(0, -1), ElementsAre(-1, 0)));
  }
  EXPECT_THAT(observer_.external(), ElementsAre(false, false, false));
}

}  // namespace
}  // namespace convrec::reward
