#include "services/learner/loop/stages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/learner/loop/testing/fake_parts.h"

namespace convrec::learner {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

const RunPlan kPlan{.sft_steps = 2,
                    .rl_steps = 2,
                    .sft_rows_per_step = 2,
                    .groups_per_step = 2,
                    .evaluate_every = 2,
                    .zero_shot = true,
                    .has_reference = true};

void ExpectOtherRankDoesTheSame(const FakeRank& leader,
                                const absl::Status& status,
                                const RunState& start = {}) {
  FakeRank other(leader.parts.plan, start, 1, 2, leader.link.headers);
  EXPECT_EQ(RunStages(&other.parts), status);
  EXPECT_EQ(other.log.calls, leader.log.calls);
  EXPECT_TRUE(other.link.is_used_up());
}

TEST(StagesTest, AFreshRunGoesThroughAllOfThem) {
  FakeRank leader(kPlan, {}, 0, 2);
  EXPECT_TRUE(RunStages(&leader.parts).ok());
  EXPECT_THAT(leader.log.calls,
              ElementsAre("publish 0",
                          "begin sft",
                          "sft step 1",
                          "sft step 2",
                          "publish 1",
                          "end of stage",
                          "save rl-0 of the stage's end",
                          "begin rl",
                          "finish",
                          "reference",
                          "policy step 1",
                          "publish 2",
                          "policy step 2",
                          "publish 3",
                          "save rl-2 of the stage's end",
                          "finish"));
  EXPECT_THAT(leader.leader_log.calls,
              ElementsAre("evaluate zero_shot 0 test",
                          "report sft 1",
                          "report sft 2",
                          "evaluate sft 2 test",
                          "evaluate sft 2 validation",
                          "allow 4",
                          "take",
                          "report rl 1",
                          "take",
                          "report rl 2",
                          "evaluate rl 2 validation",
                          "evaluate rl 2 test"));
  ExpectOtherRankDoesTheSame(leader, absl::OkStatus());
}

TEST(StagesTest, AHeaderIsSaidOncePerStepAndEvaluationAndAtTheEndOfALoop) {
  FakeRank leader(kPlan, {}, 0, 2);
  ASSERT_TRUE(RunStages(&leader.parts).ok());
  EXPECT_EQ(leader.link.headers.size(), 2u + 2u + 5u + 2u);
}

TEST(StagesTest, StagesWithoutStepsAreLeftOut) {
  RunPlan plan = kPlan;
  plan.sft_steps = plan.rl_steps = 0;
  plan.zero_shot = false;
  FakeRank rank(plan);
  EXPECT_TRUE(RunStages(&rank.parts).ok());
  EXPECT_THAT(rank.log.calls,
              ElementsAre("publish 1", "end of stage", "save rl-0 of the stage's end", "finish"));
  EXPECT_THAT(rank.leader_log.calls, IsEmpty());
}

TEST(StagesTest, AStoppedStageIsKeptAndGoesOnWithTheNextStart) {
  FakeRank leader(kPlan, {}, 0, 2);
  leader.log.events["sft step 1"] = [&] { leader.is_stopped = true; };
  const absl::Status stopped = RunStages(&leader.parts);
  EXPECT_TRUE(absl::IsCancelled(stopped));
  EXPECT_THAT(leader.log.calls,
              ElementsAre("publish 0", "begin sft", "sft step 1", "save sft-1", "finish"));
  ExpectOtherRankDoesTheSame(leader, stopped);

  FakeRank next(kPlan, leader.parts.state);
  EXPECT_TRUE(RunStages(&next.parts).ok());
  EXPECT_EQ(next.log.calls.front(), "begin sft");
  EXPECT_THAT(next.leader_log.calls, Not(Contains("evaluate zero_shot 0 test")));
  EXPECT_EQ(next.leader_log.calls.front(), "report sft 2");
}

TEST(StagesTest, AStopBeforeAnyStepKeepsNothing) {
  FakeRank leader(kPlan, {}, 0, 2);
  leader.leader_log.errors["evaluate zero_shot 0 test"] = absl::CancelledError("closed");
  const absl::Status stopped = RunStages(&leader.parts);
  EXPECT_TRUE(absl::IsCancelled(stopped));
  EXPECT_THAT(leader.log.calls, ElementsAre("publish 0", "finish"));
  ExpectOtherRankDoesTheSame(leader, stopped);
}

TEST(StagesTest, AnEvaluationBetweenTheStagesThatIsCutShortLeavesTheFirstStageOpen) {
  FakeRank leader(kPlan, {}, 0, 2);
  leader.leader_log.errors["evaluate sft 2 validation"] = absl::CancelledError("closed");
  const absl::Status stopped = RunStages(&leader.parts);
  EXPECT_TRUE(absl::IsCancelled(stopped));
  EXPECT_FALSE(leader.parts.state.in_rl);
  EXPECT_THAT(leader.log.calls, Contains("save sft-2"));
  ExpectOtherRankDoesTheSame(leader, stopped);

  FakeRank next(kPlan, leader.parts.state);
  EXPECT_TRUE(RunStages(&next.parts).ok());
  EXPECT_EQ(next.leader_log.calls[0], "evaluate sft 2 test");  // The evaluator knows it was made.
  EXPECT_EQ(next.leader_log.calls[1], "evaluate sft 2 validation");
}

TEST(StagesTest, AResumedStagePublishesItsVersionFirst) {
  FakeRank leader(kPlan, {.in_rl = true, .sft_step = 2, .rl_step = 1}, 0, 2);
  EXPECT_TRUE(RunStages(&leader.parts).ok());
  EXPECT_EQ(leader.log.calls[0], "publish 2");
  EXPECT_EQ(leader.log.calls[1], "begin rl");
  ExpectOtherRankDoesTheSame(
      leader, absl::OkStatus(), {.in_rl = true, .sft_step = 2, .rl_step = 1});
}

TEST(StagesTest, AFailedPublicationEndsTheRunWithItsErrorAndSavesNothing) {
  FakeRank rank(kPlan);
  rank.log.errors["publish 3"] = absl::InternalError("torch: a bad shape");
  EXPECT_EQ(RunStages(&rank.parts), absl::InternalError("torch: a bad shape"));
  EXPECT_EQ(rank.log.calls.back(), "publish 3");
}

TEST(StagesTest, ACheckpointThatCannotBeWrittenAfterAStopIsTheErrorOfTheRun) {
  FakeRank rank(kPlan);
  rank.log.events["sft step 1"] = [&] { rank.is_stopped = true; };
  rank.log.errors["finish"] = absl::UnavailableError("the disk is full");
  EXPECT_EQ(RunStages(&rank.parts), absl::UnavailableError("the disk is full"));
}

TEST(StagesTest, ThoseWhoLookOnSeeWhatEachPartIsFor) {
  FakeRank rank({.sft_steps = 2,
                 .rl_steps = 2,
                 .sft_rows_per_step = 1,
                 .groups_per_step = 3,
                 .checkpoint_every = 1,
                 .evaluate_every = 0,
                 .zero_shot = true});
  ActivityBoard board;
  rank.leader.activity = &board;
  std::vector<std::string> seen;
  const auto look = [&] {
    report::Activity activity = board.Now();
    activity.seconds = 0;
    activity.workers = 1;
    seen.push_back(report::FormatActivity(activity));
  };
  for (const char* call : {"publish 0", "sft step 1", "save sft-1", "policy step 2", "publish 3"})
    rank.log.events[call] = look;
  for (const char* call : {"evaluate zero_shot 0 test", "take", "evaluate rl 2 test"})
    rank.leader_log.events[call] = look;
  ASSERT_TRUE(RunStages(&rank.parts).ok());
  EXPECT_THAT(seen,
              ElementsAre("publishing the weights, 0.0s; 1 worker",
                          "evaluation before training (test), 0.0s; 1 worker",
                          "SFT step 1 of 2: trained micro-batches, 0.0s; 1 worker",
                          "copying checkpoint sft-1, 0.0s; 1 worker",
                          "RL step 1 of 2: sampled 0 of 3 groups, 0.0s; 1 worker",
                          "RL step 2 of 2: sampled 0 of 3 groups, 0.0s; 1 worker",
                          "RL step 2 of 2: trained micro-batches, 0.0s; 1 worker",
                          "RL step 2 of 2: publishing the weights, 0.0s; 1 worker",
                          "evaluation after RL step 2 (test), 0.0s; 1 worker"));
}

}  // namespace
}  // namespace convrec::learner
