#include "services/learner/batch/training_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/learner/batch/testing/groups.h"

namespace convrec::learner {
namespace {

using domain::FinishReason;
using domain::kEndUnit;
using domain::PolicyVersion;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Objective TwoRanks(LossType loss_type) {
  Objective objective;
  objective.num_ranks = 2;
  objective.loss_type = loss_type;
  objective.max_completion_length = 50;
  return objective;
}

// Completions of 5 and 3 tokens.
std::vector<PromptedGroup> TwoRows() {
  return {MakeGroup(
      {MakeRollout({0, 0, 0, 1, kEndUnit}, {1, 0}), MakeRollout({0, 0, kEndUnit}, {0, 0})})};
}

TrainingBatch Build(const std::vector<PromptedGroup>& groups, const Objective& objective) {
  absl::StatusOr<TrainingBatch> batch = BuildTrainingBatch(groups, objective, PolicyVersion{0});
  EXPECT_TRUE(batch.ok()) << batch.status();
  return *std::move(batch);
}

struct ShareCase {
  const char* name;
  LossType loss_type;
  std::vector<double> shares;
  double denominator;
};
class ShareTest : public ::testing::TestWithParam<ShareCase> {};

TEST_P(ShareTest, FollowsTheLossType) {
  const TrainingBatch batch = Build(TwoRows(), TwoRanks(GetParam().loss_type));
  EXPECT_THAT(batch.groups[0].samples[0].share_T,
              ::testing::Pointwise(::testing::DoubleEq(), GetParam().shares));
  EXPECT_DOUBLE_EQ(Denominator(batch.counts, batch.objective), GetParam().denominator);
}

INSTANTIATE_TEST_SUITE_P(
    LossTypes,
    ShareTest,
    ::testing::Values(ShareCase{"Paper", LossType::kPaper, {1.0 / 3, 1.0 / 3, 1.0 / 3, 1, 1}, 4},
                      ShareCase{"Bnpo", LossType::kBnpo, {1, 1, 1, 1, 1}, 8},
                      ShareCase{"Grpo", LossType::kGrpo, {0.2, 0.2, 0.2, 0.2, 0.2}, 2},
                      ShareCase{"DrGrpo", LossType::kDrGrpo, {1, 1, 1, 1, 1}, 100}),
    [](const auto& shown) { return shown.param.name; });

TEST(TrainingBatchTest, MaskedTruncatedRowLeavesTheLossButStaysARow) {
  Objective objective = TwoRanks(LossType::kBnpo);
  objective.mask_truncated = true;
  std::vector<PromptedGroup> groups = TwoRows();
  groups[0].group.rollouts[1] = MakeRollout({0, 0, 1}, {0, 0}, FinishReason::kLength);
  const TrainingBatch batch = Build(groups, objective);
  EXPECT_THAT(batch.groups[0].samples[1].share_T, ElementsAre(0, 0, 0));
  EXPECT_EQ(batch.counts.num_rows, 2);
  EXPECT_EQ(batch.counts.num_loss_tokens, 5);
}

TEST(TrainingBatchTest, EveryTokenHasALagAndTheGroupThatOfItsOldest) {
  std::vector<PromptedGroup> groups = TwoRows();
  groups[0].group.rollouts[0].completion.version_runs = {{{3}, 4}, {{4}, 1}};
  groups[0].group.rollouts[1].completion.version_runs = {{{4}, 1}, {{5}, 2}};
  const absl::StatusOr<TrainingBatch> batch =
      BuildTrainingBatch(groups, TwoRanks(LossType::kPaper), PolicyVersion{5});
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_EQ(batch->groups[0].lag, 2);
  EXPECT_EQ(batch->stats["staleness_max"], 2);
  EXPECT_EQ(batch->stats["staleness_mean"], 2);
  EXPECT_THAT(batch->stats.list("staleness_of_groups"), ElementsAre(2));
  EXPECT_THAT(batch->groups[0].samples[0].lag_T, ElementsAre(2, 2, 2, 2, 1));
  EXPECT_THAT(batch->groups[0].samples[1].lag_T, ElementsAre(1, 0, 0));
  EXPECT_THAT(std::string(BuildTrainingBatch(groups, TwoRanks(LossType::kPaper), PolicyVersion{4})
                              .status()
                              .message()),
              HasSubstr("was drawn by version 5, expected at most 4"));
}

TEST(TrainingBatchTest, StatsDescribeTheBatch) {
  std::vector<PromptedGroup> groups = TwoRows();
  groups[0].group.rollouts.push_back(MakeRollout({0, 1, 2, 2}, {0, 0}, FinishReason::kLength));
  const statistics::RlValues stats = Build(groups, TwoRanks(LossType::kPaper)).stats;
  EXPECT_EQ(stats["tokens"], 12);  // 5 + 3 + 4
  EXPECT_DOUBLE_EQ(stats["reward"], 1.0 / 6);
  EXPECT_THAT(stats.list("zero_signal_by_rank"), ElementsAre(0, 1));
  EXPECT_DOUBLE_EQ(stats["live_rank_ratio"], 0.5);
  EXPECT_EQ(stats["zero_signal_groups"], 0);
}

TEST(TrainingBatchTest, RefusesWhatCannotBeTrainedOn) {
  EXPECT_FALSE(BuildTrainingBatch({}, TwoRanks(LossType::kPaper), PolicyVersion{0}).ok());
  std::vector<PromptedGroup> groups = TwoRows();
  groups[0].prompt_tokens.clear();
  EXPECT_FALSE(BuildTrainingBatch(groups, TwoRanks(LossType::kPaper), PolicyVersion{0}).ok());
}

}  // namespace
}  // namespace convrec::learner
