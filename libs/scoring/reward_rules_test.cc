#include "libs/scoring/reward_rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "libs/base/random.h"

namespace convrec::scoring {
namespace {

using enum domain::LineOutcome;
using Outcomes = std::vector<domain::LineOutcome>;

const Outcomes kHitsAtTwoAndFive = {kMiss, kHit, kMiss, kMiss, kHit};

RewardRules Rule(RewardRule rule, double gamma = 2, SuffixSum suffix_sum = SuffixSum::kDirect) {
  return {.rule = rule, .gamma = gamma, .suffix_sum = suffix_sum};
}

std::vector<double> Rewards(const RewardRules& rules, const Outcomes& outcomes, int num_ranks) {
  std::vector<RankFacts> ranks;
  for (const domain::LineOutcome outcome : outcomes) ranks.push_back({.outcome = outcome});
  return RankRewards(rules, ranks, num_ranks);
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
  EXPECT_EQ(Rewards(Rule(RewardRule::kExpInf), kHitsAtTwoAndFive, 5),
            (std::vector<double>{0, 1, 0, 0, 1}));
  EXPECT_EQ(Rewards(Rule(RewardRule::kExp), kHitsAtTwoAndFive, 5),
            (std::vector<double>{.5625, 1.125, .25, .5, 1}));
  for (const SuffixSum how : {SuffixSum::kDirect, SuffixSum::kTotalMinusPrefix}) {
    ExpectNear(Rewards(Rule(RewardRule::kLogDecay, 2, how), kHitsAtTwoAndFive, 5),
               {1.01778, 1.01778, .38685, .38685, .38685},
               5e-6);
  }
}

TEST(RewardRulesTest, ListsAreCutOrFilledToNRanks) {
  EXPECT_EQ(Rewards(Rule(RewardRule::kExpInf), kHitsAtTwoAndFive, 3),
            (std::vector<double>{0, 1, 0}));
  EXPECT_EQ(Rewards(Rule(RewardRule::kLogDecay), {kHit}, 3), (std::vector<double>{1, 0, 0}));
  EXPECT_EQ(Rewards(Rule(RewardRule::kExp), {}, 2), (std::vector<double>{0, 0}));
}

TEST(RewardRulesTest, ExpWithALargeBaseIsExpInf) {
  base::RandomStream random(3, 0);
  for (int round = 0; round < 100; ++round) {
    const Outcomes outcomes = RandomOutcomes(&random, 20);
    ExpectNear(Rewards(Rule(RewardRule::kExp, 1e12), outcomes, 20),
               Rewards(Rule(RewardRule::kExpInf), outcomes, 20),
               2e-12);
  }
}

TEST(RewardRulesTest, LogDecayIsDcgFromTheRankOn) {
  base::RandomStream random(5, 0);
  for (int round = 0; round < 100; ++round) {
    const Outcomes outcomes = RandomOutcomes(&random, 20);
    const std::vector<double> direct = Rewards(Rule(RewardRule::kLogDecay), outcomes, 20);
    double dcg = 0;
    for (size_t k = 0; k < 20; ++k) {
      const double gain = outcomes[k] == kHit ? 1 / std::log2(static_cast<double>(k) + 2) : 0;
      dcg += gain;
      EXPECT_NEAR(direct[k] - (k + 1 < 20 ? direct[k + 1] : 0), gain, 1e-12);
    }
    EXPECT_NEAR(direct[0], dcg, 1e-12);
    ExpectNear(Rewards(Rule(RewardRule::kLogDecay, 2, SuffixSum::kTotalMinusPrefix), outcomes, 20),
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
  EXPECT_EQ(Rewards(rules, {kHit, kMiss, kDuplicate, kOffCatalog, kSeen, kMalformed}, 7),
            (std::vector<double>{1, 0, -.1, -.2, -.3, -.4, 0}));
  // Ranks past N get neither rewards nor penalties.
  EXPECT_EQ(Rewards(rules, {kHit, kDuplicate}, 1), (std::vector<double>{1}));
}

// Custom discounts: a hit at rank k gives its discount to ranks 1 to k.
TEST(RewardRulesTest, DcgPaysWithItsOwnDiscounts) {
  RewardRules rules = Rule(RewardRule::kDcg);
  rules.discounts = {4, 2, 1, 1, .5};
  EXPECT_EQ(Rewards(rules, kHitsAtTwoAndFive, 5), (std::vector<double>{2.5, 2.5, .5, .5, .5}));
  rules.discounts = {4, 2};  // Further ranks have 0.
  EXPECT_EQ(Rewards(rules, kHitsAtTwoAndFive, 5), (std::vector<double>{2, 2, 0, 0, 0}));
}

TEST(RewardRulesTest, DcgWithLogarithmicDiscountsIsLogDecay) {
  base::RandomStream random(7, 0);
  RewardRules rules = Rule(RewardRule::kDcg);
  for (int k = 1; k <= 20; ++k) rules.discounts.push_back(1 / std::log2(k + 1.0));
  for (int round = 0; round < 100; ++round) {
    const Outcomes outcomes = RandomOutcomes(&random, 20);
    EXPECT_EQ(Rewards(rules, outcomes, 20), Rewards(Rule(RewardRule::kLogDecay), outcomes, 20));
  }
}

TEST(RewardRulesTest, RulesMixByTheirWeights) {
  RewardRules rules = Rule(RewardRule::kExpInf);
  rules.rule_weight = .5;
  rules.terms.exp = 2;
  rules.terms.exp_inf = .25;
  // .75 * (0 1 0 0 1) + 2 * (.5625 1.125 .25 .5 1)
  EXPECT_EQ(Rewards(rules, kHitsAtTwoAndFive, 5), (std::vector<double>{1.125, 3, .5, 1, 2.75}));
}

TEST(RewardRulesTest, FormatPaysLinesThatParse) {
  RewardRules rules;
  rules.terms.format = .5;
  EXPECT_EQ(Rewards(rules, {kHit, kMalformed, kSeen, kOffCatalog}, 5),
            (std::vector<double>{1.5, 0, .5, .5, 0}));
}

// N = 4: each line too few or too many takes a quarter.
TEST(RewardRulesTest, LengthPaysListsOfNLines) {
  RewardRules rules;
  rules.terms.length = 1;
  const auto of_misses = [&](size_t size) { return Rewards(rules, Outcomes(size, kMiss), 4); };
  EXPECT_EQ(of_misses(4), (std::vector<double>{1, 1, 1, 1}));
  EXPECT_EQ(of_misses(3), (std::vector<double>{.75, .75, .75, 0}));
  EXPECT_EQ(of_misses(6), (std::vector<double>{.5, .5, .5, .5}));
  EXPECT_EQ(of_misses(9), (std::vector<double>{0, 0, 0, 0}));
  EXPECT_EQ(of_misses(0), (std::vector<double>{0, 0, 0, 0}));
}

TEST(RewardRulesTest, NoveltyAndDiversityPayTheirShare) {
  RewardRules rules;
  rules.terms.novelty = .5;
  rules.terms.diversity = -1;
  const std::vector<RankFacts> ranks = {{kHit, .5, 1}, {kMiss, 1, .25}, {kOffCatalog}};
  EXPECT_EQ(RankRewards(rules, ranks, 3), (std::vector<double>{.25, .25, 0}));
}

TEST(RewardRulesTest, DescriptionNamesWhatIsSwitchedOn) {
  EXPECT_EQ(DescribeRules({}), "exp_inf");
  EXPECT_EQ(DescribeRules({.rule = RewardRule::kExp, .gamma = 1.5, .duplicate_reward = -.15}),
            "exp gamma=1.5 duplicate=-0.15");
  RewardRules rules = Rule(RewardRule::kDcg);
  rules.rule_weight = 2;
  rules.discounts = {1, .5};
  rules.terms.novelty = .1;
  rules.external_weight = .3;
  EXPECT_EQ(DescribeRules(rules), "dcg weight=2 discounts=1,0.5 terms.novelty=0.1 external=0.3");
}

}  // namespace
}  // namespace convrec::scoring
