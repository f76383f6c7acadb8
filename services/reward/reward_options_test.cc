#include "services/reward/reward_options.h"

#include <gtest/gtest.h>

namespace convrec::reward {
namespace {

config::RunOptions Options(config::Compat compat, config::RewardRule rule) {
  config::RunOptions options;
  options.compat = compat;
  options.reward.rule = rule;
  options.reward.duplicate_reward = -.25;
  options.data.num_ranks = 10;
  return options;
}

ListScorer::Options ScorerOptions(config::Compat compat, config::RewardRule rule) {
  return ScorerOptionsOf(Options(compat, rule));
}

TEST(RewardOptionsTest, CompatChoosesHowRanksAreCountedAndSummed) {
  const ListScorer::Options fixed =
      ScorerOptions(config::Compat::kFixed, config::RewardRule::kLogDecay);
  EXPECT_EQ(fixed.counting, catalog::RankCounting::kByLine);
  EXPECT_EQ(fixed.rules.suffix_sum, SuffixSum::kDirect);
  EXPECT_EQ(fixed.rules.rule, RewardRule::kLogDecay);
  EXPECT_EQ(fixed.rules.duplicate_reward, -.25);
  EXPECT_EQ(fixed.num_ranks, 10);
  const ListScorer::Options reference =
      ScorerOptions(config::Compat::kReference, config::RewardRule::kExpInf);
  EXPECT_EQ(reference.counting, catalog::RankCounting::kReference);
  EXPECT_EQ(reference.rules.suffix_sum, SuffixSum::kTotalMinusPrefix);
}

TEST(RewardOptionsTest, EveryRewardKeyReachesScorerServiceOrRule) {
  config::RunOptions options = Options(config::Compat::kFixed, config::RewardRule::kDcg);
  options.reward.discounts = "1, 0.5";
  options.reward.rule_weight = 2;
  options.reward.terms.novelty = .5;
  options.reward.matching = {1, config::FuzzyMatching::kTokenSort, .8};
  options.reward.external = {"host:1", .25, absl::Seconds(3), -1};
  options.reward.threads = 3;
  options.reward.max_in_flight = 7;
  options.reward.limits = {1, 2, 3, 4, 5, 6, 7, absl::Seconds(8)};
  const ListScorer::Options scorer = ScorerOptionsOf(options);
  EXPECT_EQ(scorer.rules.rule, RewardRule::kDcg);
  EXPECT_EQ(scorer.rules.discounts, (std::vector<double>{1, .5}));
  EXPECT_EQ(scorer.rules.rule_weight, 2);
  EXPECT_EQ(scorer.rules.terms.novelty, .5);
  EXPECT_EQ(scorer.rules.external_weight, .25);
  EXPECT_EQ(scorer.catalog_year_tolerance, 1);
  EXPECT_EQ(scorer.fuzzy, catalog::Similarity::kTokenSort);
  EXPECT_EQ(scorer.fuzzy_threshold, .8);
  const RewardService::Options service = ServiceOptionsOf(options, 2);
  EXPECT_EQ(service.num_threads, 3);
  EXPECT_EQ(service.admission.max_calls, 7);
  EXPECT_EQ(service.admission.max_calls_per_client, 1);
  EXPECT_EQ(service.admission.max_streams, 2);
  EXPECT_EQ(service.admission.max_held_bytes, 7);
  EXPECT_EQ(service.limits.max_lists, 4);
  EXPECT_EQ(service.limits.max_lines, 5);
  EXPECT_EQ(service.limits.max_list_bytes, 6);
  EXPECT_EQ(service.stream_idle_timeout, absl::Seconds(8));
  options.reward.threads = 0;
  EXPECT_EQ(ServiceOptionsOf(options, 2).num_threads, 2);
  EXPECT_EQ(ExternalRuleOptionsOf(options).default_value, -1);
  EXPECT_EQ(ExternalRuleOptionsOf(options).timeout, absl::Seconds(3));
}

}  // namespace
}  // namespace convrec::reward
