#include "libs/config/scorer_options.h"

#include <gtest/gtest.h>

namespace convrec::config {
namespace {

RunOptions Options(Compat compat, scoring::RewardRule rule) {
  RunOptions options;
  options.compat = compat;
  options.reward.rule = rule;
  options.reward.duplicate_reward = -.25;
  options.data.num_ranks = 10;
  return options;
}

scoring::ListScorer::Options ScorerOptions(Compat compat, scoring::RewardRule rule) {
  return ScorerOptionsOf(Options(compat, rule));
}

TEST(ScorerOptionsTest, CompatChoosesHowRanksAreCountedAndSummed) {
  const scoring::ListScorer::Options fixed =
      ScorerOptions(Compat::kFixed, scoring::RewardRule::kLogDecay);
  EXPECT_EQ(fixed.counting, lists::RankCounting::kByLine);
  EXPECT_EQ(fixed.rules.suffix_sum, scoring::SuffixSum::kDirect);
  EXPECT_EQ(fixed.rules.rule, scoring::RewardRule::kLogDecay);
  EXPECT_EQ(fixed.rules.duplicate_reward, -.25);
  EXPECT_EQ(fixed.num_ranks, 10);
  const scoring::ListScorer::Options reference =
      ScorerOptions(Compat::kReference, scoring::RewardRule::kExpInf);
  EXPECT_EQ(reference.counting, lists::RankCounting::kReference);
  EXPECT_EQ(reference.rules.suffix_sum, scoring::SuffixSum::kTotalMinusPrefix);
}

TEST(ScorerOptionsTest, EveryRewardKeyReachesTheScorer) {
  RunOptions options = Options(Compat::kFixed, scoring::RewardRule::kDcg);
  options.reward.discounts = "1, 0.5";
  options.reward.rule_weight = 2;
  options.reward.terms.novelty = .5;
  options.reward.matching = {1, catalog::Similarity::kTokenSort, .8};
  options.reward.external = {"host:1", .25, absl::Seconds(3), -1};
  const scoring::ListScorer::Options scorer = ScorerOptionsOf(options);
  EXPECT_EQ(scorer.rules.rule, scoring::RewardRule::kDcg);
  EXPECT_EQ(scorer.rules.discounts, (std::vector<double>{1, .5}));
  EXPECT_EQ(scorer.rules.rule_weight, 2);
  EXPECT_EQ(scorer.rules.terms.novelty, .5);
  EXPECT_EQ(scorer.rules.external_weight, .25);
  EXPECT_EQ(scorer.catalog_year_tolerance, 1);
  EXPECT_EQ(scorer.fuzzy, catalog::Similarity::kTokenSort);
  EXPECT_EQ(scorer.fuzzy_threshold, .8);
}

}  // namespace
}  // namespace convrec::config
