#include "services/learner/loop/sft_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/learner/loop/testing/fake_parts.h"

namespace convrec::learner {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

const RunPlan kPlan{.sft_steps = 4, .sft_rows_per_step = 3, .checkpoint_every = 2};

TEST(SftLoopTest, TakesTheStepsOfTheStageWithCheckpointsInBetween) {
  FakeRank rank(kPlan);
  EXPECT_TRUE(SftLoop(&rank.parts).Run().ok());
  EXPECT_THAT(
      rank.log.calls,
      ElementsAre(
          "begin sft", "sft step 1", "sft step 2", "save sft-2", "sft step 3", "sft step 4"));
  EXPECT_THAT(rank.leader_log.calls,
              ElementsAre("report sft 1", "report sft 2", "report sft 3", "report sft 4"));
  EXPECT_EQ(rank.parts.state.sft_step, 4);
  EXPECT_THAT(rank.training.num_rows, ElementsAre(3, 3, 3, 3));
}

TEST(SftLoopTest, ARowIsTrainedOnOnOneRank) {
  FakeRank leader(kPlan, {}, 0, 2);
  ASSERT_TRUE(SftLoop(&leader.parts).Run().ok());
  FakeRank other(kPlan, {}, 1, 2, leader.link.headers);
  ASSERT_TRUE(SftLoop(&other.parts).Run().ok());
  EXPECT_EQ(other.log.calls, leader.log.calls);
  EXPECT_THAT(leader.training.num_rows, ElementsAre(2, 2, 2, 2));
  EXPECT_THAT(other.training.num_rows, ElementsAre(1, 1, 1, 1));
  EXPECT_TRUE(other.link.is_used_up());
}

TEST(SftLoopTest, AStopInMidStageEndsItBeforeTheNextStepOnAllRanks) {
  FakeRank leader(kPlan, {}, 0, 2);
  leader.log.events["sft step 3"] = [&] { leader.is_stopped = true; };
  EXPECT_TRUE(absl::IsCancelled(SftLoop(&leader.parts).Run()));
  EXPECT_EQ(leader.parts.state.sft_step, 3);
  EXPECT_THAT(leader.leader_log.calls, Contains("report sft 3"));
  EXPECT_TRUE(leader.link.headers.back().stop);
  EXPECT_EQ(leader.link.headers.back().share, "");
  FakeRank other(kPlan, {}, 1, 2, leader.link.headers);
  EXPECT_TRUE(absl::IsCancelled(SftLoop(&other.parts).Run()));
  EXPECT_EQ(other.parts.state.sft_step, 3);
  EXPECT_EQ(other.log.calls, leader.log.calls);
}

TEST(SftLoopTest, AStopAfterTheLastStepIsHeardToo) {
  FakeRank rank(kPlan);
  rank.log.events["sft step 4"] = [&] { rank.is_stopped = true; };
  EXPECT_TRUE(absl::IsCancelled(SftLoop(&rank.parts).Run()));
  EXPECT_EQ(rank.parts.state.sft_step, 4);
}

TEST(SftLoopTest, GoesOnAfterTheStepsOfAnEarlierStart) {
  FakeRank rank(kPlan, {.sft_step = 3});
  EXPECT_TRUE(SftLoop(&rank.parts).Run().ok());
  EXPECT_THAT(rank.leader_log.calls, ElementsAre("report sft 4"));
}

TEST(SftLoopTest, AStepWhoseGradientIsNotFiniteIsReportedAndPassed) {
  FakeRank rank(kPlan);
  rank.training.refused = {"sft step 2"};
  EXPECT_TRUE(SftLoop(&rank.parts).Run().ok());
  EXPECT_THAT(rank.leader_log.calls,
              ElementsAre("report sft 1", "report sft 2 refused", "report sft 3", "report sft 4"));
}

TEST(SftLoopTest, AFailedStepEndsTheLoopWithoutAReport) {
  FakeRank rank(kPlan);
  rank.log.errors["sft step 2"] = absl::ResourceExhaustedError("out of memory");
  EXPECT_EQ(SftLoop(&rank.parts).Run(), absl::ResourceExhaustedError("out of memory"));
  EXPECT_EQ(rank.parts.state.sft_step, 1);
  EXPECT_THAT(rank.leader_log.calls, ElementsAre("report sft 1"));
}

TEST(SftLoopTest, AFailedWriteOfACheckpointEndsTheLoopBeforeTheNextStep) {
  FakeRank rank(kPlan);
  rank.log.events["save sft-2"] = [&] {
    rank.checkpoints.write_error = absl::UnavailableError("the disk is full");
  };
  EXPECT_EQ(SftLoop(&rank.parts).Run(), absl::UnavailableError("the disk is full"));
  EXPECT_THAT(rank.log.calls, Not(Contains("sft step 3")));
}

TEST(SftLoopTest, RowsThatCannotBeTrainedOnAreRefusedBeforeTheyAreSpread) {
  FakeRank rank(kPlan, {}, 0, 2);
  const std::vector<SftRow> rows = {{{1}, {}}};
  rank.leader.sft_rows = &rows;
  EXPECT_TRUE(absl::IsInvalidArgument(SftLoop(&rank.parts).Run()));
  EXPECT_TRUE(rank.link.headers.empty());
}

}  // namespace
}  // namespace convrec::learner
