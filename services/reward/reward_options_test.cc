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

}  // namespace
}  // namespace convrec::reward
