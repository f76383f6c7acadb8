#include "services/learner/batch/advantage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "libs/domain/rollout.h"
#include "services/learner/batch/testing/reference_objective.h"

namespace convrec::learner {
namespace {

using domain::FinishReason;
using domain::kEndUnit;
using ::testing::DoubleEq;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;

Objective FixedObjective(int num_ranks) {
  Objective objective;
  objective.num_ranks = num_ranks;
  return objective;
}

std::vector<std::vector<double>> Column(const std::vector<double>& values) {
  std::vector<std::vector<double>> rewards;
  for (const double value : values) rewards.push_back({value});
  return rewards;
}

// Mean 1/8, standard deviation sqrt(8 * (1/8) * (7/8) / 7) = sqrt(1/8) = .35355; .875 / .35365
// = 2.47417.
TEST(AdvantageTest, OneHitInEightIsWorthTwoAndAHalf) {
  const GroupAdvantages result =
      RelativeAdvantages(Column({1, 0, 0, 0, 0, 0, 0, 0}), FixedObjective(1));
  EXPECT_NEAR(result.mean_U[0], 0.125, 1e-15);
  EXPECT_NEAR(result.std_U[0], 0.3535533905932738, 1e-15);
  EXPECT_NEAR(result.advantage_GU[0][0], 2.47417, 1e-5);
  EXPECT_NEAR(result.advantage_GU[1][0], -0.35345, 1e-5);
}

TEST(AdvantageTest, OneHitInFourIsWorthOneAndAHalf) {
  const GroupAdvantages result = RelativeAdvantages(Column({0, 1, 0, 0}), FixedObjective(1));
  EXPECT_NEAR(result.advantage_GU[1][0], 1.49970, 1e-5);
  EXPECT_NEAR(result.advantage_GU[0][0], -0.49990, 1e-5);
}

TEST(AdvantageTest, PopulationDivisorIsTheGroupSize) {
  Objective objective = FixedObjective(1);
  objective.std_divisor = StdDivisor::kPopulation;
  const GroupAdvantages result = RelativeAdvantages(Column({1, 0, 0, 0}), objective);
  EXPECT_NEAR(result.std_U[0], std::sqrt(3.0) / 4, 1e-15);
}

TEST(AdvantageTest, UnscaledAdvantageIsTheDistanceFromTheMean) {
  Objective objective = FixedObjective(1);
  objective.scale_rewards = false;
  const GroupAdvantages result = RelativeAdvantages(Column({1, 0, 0, 0}), objective);
  EXPECT_THAT(result.advantage_GU, Pointwise(::testing::Eq(), Column({0.75, -0.25, -0.25, -0.25})));
}

TEST(AdvantageTest, EqualRewardsGiveExactlyZeroWhateverTheRounding) {
  const GroupAdvantages result = RelativeAdvantages(Column({0.1, 0.1, 0.1}), FixedObjective(1));
  EXPECT_EQ(result.std_U[0], 0.0);
  for (const auto& advantage_U : result.advantage_GU) EXPECT_EQ(advantage_U[0], 0.0);
}

TEST(AdvantageTest, AdvantagesOfAGroupSumToZeroAndIgnoreAConstant) {
  const std::vector<double> rewards = {0.3, -1.2, 2.5, 0.0, 0.7};
  std::vector<double> shifted = rewards;
  for (double& reward : shifted) reward += 17.0;
  const GroupAdvantages result = RelativeAdvantages(Column(rewards), FixedObjective(1));
  const GroupAdvantages moved = RelativeAdvantages(Column(shifted), FixedObjective(1));
  double sum = 0;
  for (size_t g = 0; g < rewards.size(); ++g) {
    sum += result.advantage_GU[g][0];
    EXPECT_NEAR(result.advantage_GU[g][0], moved.advantage_GU[g][0], 1e-13);
  }
  EXPECT_NEAR(sum, 0, 1e-14);
}

TEST(AdvantageTest, SingleSiblingHasNoAdvantage) {
  const GroupAdvantages result = RelativeAdvantages(Column({5}), FixedObjective(1));
  EXPECT_EQ(result.advantage_GU[0][0], 0.0);
}

struct ShapingCase {
  const char* name;
  Compat compat;
  std::vector<int32_t> rank_of_token;
  FinishReason finish;
  std::vector<double> expected_T;
};

// N = 2, advantages 1.5 and -0.5; shaping +0.1, -0.1, -0.1.
class ShapingTest : public ::testing::TestWithParam<ShapingCase> {};

TEST_P(ShapingTest, AddsTheTermsOfTheMethod) {
  Objective objective =
      GetParam().compat == Compat::kFixed ? FixedObjective(2) : ReferenceObjective(2);
  const std::vector<double> advantage_N = {1.5, -0.5};
  EXPECT_THAT(TokenAdvantages(GetParam().rank_of_token, GetParam().finish, advantage_N, objective),
              Pointwise(DoubleEq(), GetParam().expected_T));
}

INSTANTIATE_TEST_SUITE_P(
    Lists,
    ShapingTest,
    ::testing::Values(
        ShapingCase{"ExactListIsRewarded",
                    Compat::kFixed,
                    {0, 0, 1, kEndUnit},
                    FinishReason::kStop,
                    {1.5, 1.5, -0.5, 0.1}},
        ShapingCase{"ShortListIsPunished",
                    Compat::kFixed,
                    {0, 0, kEndUnit},
                    FinishReason::kStop,
                    {1.5, 1.5, -0.1}},
        ShapingCase{"EmptyListIsPunished", Compat::kFixed, {kEndUnit}, FinishReason::kStop, {-0.1}},
        ShapingCase{"SurplusTokensArePunishedAndTheEndIsNeutral",
                    Compat::kFixed,
                    {0, 1, 2, 3, kEndUnit},
                    FinishReason::kStop,
                    {1.5, -0.5, -0.1, -0.1, 0}},
        ShapingCase{
            "CutListHasNoEndTerm", Compat::kFixed, {0, 0}, FinishReason::kLength, {1.5, 1.5}},
        // "A\n" "B" END: breaks before the tokens are 0, 1, 1.
        ShapingCase{"ReferenceRewardsExactList",
                    Compat::kReference,
                    {0, 1, 1},
                    FinishReason::kStop,
                    {1.5, -0.5, 0.1}},
        // "A\n" "B\n" END: the end token itself is in overflow.
        ShapingCase{"ReferencePunishesEndAfterTrailingBreak",
                    Compat::kReference,
                    {0, 1, 2},
                    FinishReason::kStop,
                    {1.5, -0.5, -0.1}},
        // "A\n" END: one item and a trailing break count as two.
        ShapingCase{"ReferenceRewardsShortListWithTrailingBreak",
                    Compat::kReference,
                    {0, 1},
                    FinishReason::kStop,
                    {1.5, 0.1}},
        ShapingCase{"ReferencePunishesShortList",
                    Compat::kReference,
                    {0, 0},
                    FinishReason::kStop,
                    {1.5, -0.1}},
        // A token of two breaks skips rank 1.
        ShapingCase{"ReferenceSkipsRanks",
                    Compat::kReference,
                    {0, 2, 2},
                    FinishReason::kLength,
                    {1.5, -0.1, -0.1}}),
    [](const auto& shown) { return shown.param.name; });

TEST(AdvantageTest, TruncationPenaltyLandsOnTheLastToken) {
  Objective objective = FixedObjective(2);
  objective.truncation_penalty = -0.25;
  EXPECT_THAT(
      TokenAdvantages(
          std::vector<int32_t>{0, 1}, FinishReason::kLength, std::vector<double>{1, 2}, objective),
      ElementsAre(1, 1.75));
}

// Hits at ranks 1 and 3 of three, and a hit past N: DCG@3 = 1 + 1/2 whatever the rule; rewards of
// exp_inf sum to 2, those of log_decay start with the DCG.
TEST(AdvantageTest, RewardOfAListIsItsDcgUnderEveryRule) {
  Objective objective = FixedObjective(3);
  objective.advantage_unit = Unit::kSequence;
  domain::ListScore score;
  for (const bool is_hit : {true, false, true, true}) {
    domain::ScoredLine line;
    line.outcome = is_hit ? domain::LineOutcome::kHit : domain::LineOutcome::kMiss;
    score.lines.push_back(line);
  }
  for (const std::vector<float>& rewards : {std::vector<float>{1, 0, 1},
                                            std::vector<float>{1.5F, 0.5F, 0.5F},
                                            std::vector<float>{1.25F, 0.5F, 1}}) {
    score.rank_rewards = rewards;
    objective.list_reward = ListReward::kDcg;
    EXPECT_THAT(UnitRewards(score, objective), ElementsAre(1.5));
    objective.list_reward = ListReward::kFirst;
    EXPECT_THAT(UnitRewards(score, objective), ElementsAre(static_cast<double>(rewards[0])));
  }
  score.rank_rewards = {1, -0.25F, 1};
  objective.list_reward = ListReward::kSum;
  EXPECT_THAT(UnitRewards(score, objective), ElementsAre(1.75));
  score.lines.resize(1);  // A short list.
  objective.list_reward = ListReward::kDcg;
  EXPECT_THAT(UnitRewards(score, objective), ElementsAre(1));
}

TEST(AdvantageTest, SignalIsADifferenceInSomeUnit) {
  Objective objective = FixedObjective(2);
  domain::RolloutGroup group;
  for (const std::vector<float>& rewards : {std::vector<float>{1, 0}, std::vector<float>{0, 1}}) {
    group.rollouts.emplace_back().score.rank_rewards = rewards;
  }
  EXPECT_TRUE(HasSignal(group, objective));
  objective.advantage_unit = Unit::kSequence;
  objective.list_reward = ListReward::kSum;
  EXPECT_FALSE(HasSignal(group, objective));
  objective.list_reward = ListReward::kFirst;
  EXPECT_TRUE(HasSignal(group, objective));
  group.rollouts.pop_back();
  EXPECT_FALSE(HasSignal(group, objective));
}

TEST(AdvantageTest, SequenceAdvantageCoversEveryTokenWithoutShaping) {
  Objective objective = FixedObjective(2);
  objective.advantage_unit = Unit::kSequence;
  EXPECT_THAT(TokenAdvantages(std::vector<int32_t>{0, 1, 2, kEndUnit},
                              FinishReason::kStop,
                              std::vector<double>{0.3},
                              objective),
              ElementsAre(0.3, 0.3, 0.3, 0.3));
}

}  // namespace
}  // namespace convrec::learner
