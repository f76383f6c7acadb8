#include "services/reward/reward_rules.h"

#include <gtest/gtest.h>

#include <cmath>

#include "libs/base/random.h"

namespace convrec::reward {
namespace {

using enum domain::LineOutcome;
using Outcomes = std::vector<domain::LineOutcome>;

const Outcomes kHitsAtTwoAndFive = {kMiss, kHit, kMiss, kMiss, kHit};

RewardRules Rule(RewardRule rule, double gamma = 2, SuffixSum suffix_sum = SuffixSum::kDirect) {
  return {.rule = rule, .gamma = gamma, .suffix_sum = suffix_sum};
}

void ExpectNear(const std::vector<double>& actual,
                const std::vector<double>& expected,
                double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t k = 0; k < expected.size(); ++k) EXPECT_NEAR(actual[k], expected[k], tolerance);
}

Outcomes RandomOutcomes(base::RandomStream* random, size_t size) {
  Outcomes outcomes(size);
  for (auto& outcome : outcomes) outcome = random->Below(3) == 0 ? kHit : kMiss;
  return outcomes;
}

// The example of method section 4; log_decay is printed there with five digits.
TEST(RewardRulesTest, EachRuleGivesItsPublishedExample) {
  EXPECT_EQ(RankRewards(Rule(RewardRule::kExpInf), kHitsAtTwoAndFive, 5),
            (std::vector<double>{0, 1, 0, 0, 1}));
  EXPECT_EQ(RankRewards(Rule(RewardRule::kExp), kHitsAtTwoAndFive, 5),
            (std::vector<double>{.5625, 1.125, .25, .5, 1}));
  for (const SuffixSum how : {SuffixSum::kDirect, SuffixSum::kTotalMinusPrefix}) {
    ExpectNear(RankRewards(Rule(RewardRule::kLogDecay, 2, how), kHitsAtTwoAndFive, 5),
               {1.01778, 1.01778, .38685, .38685, .38685},
               5e-6);
  }
}

TEST(RewardRulesTest, ListsAreCutOrFilledToNRanks) {
  EXPECT_EQ(RankRewards(Rule(RewardRule::kExpInf), kHitsAtTwoAndFive, 3),
            (std::vector<double>{0, 1, 0}));
  EXPECT_EQ(RankRewards(Rule(RewardRule::kLogDecay), {kHit}, 3), (std::vector<double>{1, 0, 0}));
  EXPECT_EQ(RankRewards(Rule(RewardRule::kExp), {}, 2), (std::vector<double>{0, 0}));
}

TEST(RewardRulesTest, ExpWithALargeBaseIsExpInf) {
  base::RandomStream random(3, 0);
  for (int round = 0; round < 100; ++round) {
    const Outcomes outcomes = RandomOutcomes(&random, 20);
    ExpectNear(RankRewards(Rule(RewardRule::kExp, 1e12), outcomes, 20),
               RankRewards(Rule(RewardRule::kExpInf), outcomes, 20),
               2e-12);
  }
}

TEST(RewardRulesTest, LogDecayIsDcgFromTheRankOn) {
  base::RandomStream random(5, 0);
  for (int round = 0; round < 100; ++round) {
    const Outcomes outcomes = RandomOutcomes(&random, 20);
    const std::vector<double> direct = RankRewards(Rule(RewardRule::kLogDecay), outcomes, 20);
    double dcg = 0;
    for (size_t k = 0; k < 20; ++k) {
      const double gain = outcomes[k] == kHit ? 1 / std::log2(static_cast<double>(k) + 2) : 0;
      dcg += gain;
      EXPECT_NEAR(direct[k] - (k + 1 < 20 ? direct[k + 1] : 0), gain, 1e-12);
    }
    EXPECT_NEAR(direct[0], dcg, 1e-12);
    ExpectNear(
        RankRewards(Rule(RewardRule::kLogDecay, 2, SuffixSum::kTotalMinusPrefix), outcomes, 20),
        direct,
        1e-12);
  }
}

TEST(RewardRulesTest, PenaltiesTouchOnlyTheirOwnRank) {
  RewardRules rules = Rule(RewardRule::kLogDecay);
  rules.duplicate_reward = -.1;
  rules.off_catalog_reward = -.2;
  rules.seen_reward = -.3;
  rules.malformed_reward = -.4;
  EXPECT_EQ(RankRewards(rules, {kHit, kMiss, kDuplicate, kOffCatalog, kSeen, kMalformed}, 7),
            (std::vector<double>{1, 0, -.1, -.2, -.3, -.4, 0}));
  // Past N nothing is paid or punished.
  EXPECT_EQ(RankRewards(rules, {kHit, kDuplicate}, 1), (std::vector<double>{1}));
}

TEST(RewardRulesTest, DescriptionNamesWhatIsSwitchedOn) {
  EXPECT_EQ(DescribeRules({}), "exp_inf");
  EXPECT_EQ(DescribeRules({.rule = RewardRule::kExp, .gamma = 1.5, .duplicate_reward = -.15}),
            "exp gamma=1.5 duplicate=-0.15");
}

}  // namespace
}  // namespace convrec::reward
