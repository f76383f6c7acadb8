#include "services/learner/loop/rl_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/learner/loop/testing/fake_parts.h"

namespace convrec::learner {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

const RunPlan kPlan{.rl_steps = 3, .groups_per_step = 3};
const RunState kStart{.in_rl = true, .sft_step = 4};

RunPlan Validating() {
  RunPlan plan = kPlan;
  plan.evaluate_every = 2;
  return plan;
}

// The calls of a second rank of the same run must be the leader's own.
void ExpectOtherRankDoesTheSame(const FakeRank& leader,
                                const absl::Status& status,
                                const RunState& start = kStart) {
  FakeRank other(leader.parts.plan, start, 1, 2, leader.link.headers);
  EXPECT_EQ(RlLoop(&other.parts).Run(), status);
  EXPECT_EQ(other.log.calls, leader.log.calls);
  EXPECT_EQ(other.parts.state.rl_step, leader.parts.state.rl_step);
  EXPECT_TRUE(other.link.is_used_up());
}

TEST(RlLoopTest, TrainsPublishesAndReportsEachBatch) {
  FakeRank rank(kPlan, kStart);
  EXPECT_TRUE(RlLoop(&rank.parts).Run().ok());
  EXPECT_THAT(rank.log.calls,
              ElementsAre("begin rl",
                          "policy step 1",
                          "publish 2",
                          "policy step 2",
                          "publish 3",
                          "policy step 3",
                          "publish 4"));
  EXPECT_THAT(
      rank.leader_log.calls,
      ElementsAre("allow 9", "take", "report rl 1", "take", "report rl 2", "take", "report rl 3"));
  EXPECT_EQ(rank.parts.state.rl_step, 3);
}

TEST(RlLoopTest, AnotherRankTrainsItsGroupsUnderTheirConstraints) {
  FakeRank leader(kPlan, kStart, 0, 2);
  ASSERT_TRUE(RlLoop(&leader.parts).Run().ok());
  EXPECT_THAT(leader.training.num_groups, ElementsAre(2, 2, 2));
  FakeRank other(kPlan, kStart, 1, 2, leader.link.headers);
  std::vector<int64_t> prompts;
  other.parts.make_constraint = [&](domain::GroupId group) {
    prompts.push_back(group.prompt);
    return domain::MakeTokenConstraint([] { return nullptr; });
  };
  ASSERT_TRUE(RlLoop(&other.parts).Run().ok());
  EXPECT_THAT(other.training.num_groups, ElementsAre(1, 1, 1));
  EXPECT_EQ(other.training.num_constrained, 3);
  EXPECT_THAT(prompts, ElementsAre(1, 1, 1));
  EXPECT_EQ(other.log.calls, leader.log.calls);
}

TEST(RlLoopTest, TheReferenceIsLoadedWhenItsCheckpointIsWritten) {
  RunPlan plan = kPlan;
  plan.has_reference = true;
  FakeRank rank(plan, kStart);
  ASSERT_TRUE(RlLoop(&rank.parts).Run().ok());
  EXPECT_EQ(rank.log.calls[0], "begin rl");
  EXPECT_EQ(rank.log.calls[1], "finish");
  EXPECT_EQ(rank.log.calls[2], "reference");
}

TEST(RlLoopTest, AStopInMidStageEndsItBeforeTheNextBatchIsTaken) {
  FakeRank leader(kPlan, kStart, 0, 2);
  leader.log.events["policy step 2"] = [&] { leader.is_stopped = true; };
  const absl::Status status = RlLoop(&leader.parts).Run();
  EXPECT_TRUE(absl::IsCancelled(status));
  EXPECT_EQ(leader.parts.state.rl_step, 2);
  EXPECT_THAT(leader.leader_log.calls,
              ElementsAre("allow 9", "take", "report rl 1", "take", "report rl 2"));
  ExpectOtherRankDoesTheSame(leader, status);
}

TEST(RlLoopTest, AStopThatComesWhileGroupsAreAwaitedTrainsNothing) {
  FakeRank leader(kPlan, kStart, 0, 2);
  leader.leader_log.errors["take"] = absl::CancelledError("the ledger is closed");
  const absl::Status status = RlLoop(&leader.parts).Run();
  EXPECT_EQ(status, absl::CancelledError("stopped by a signal"));
  EXPECT_EQ(leader.parts.state.rl_step, 0);
  EXPECT_THAT(leader.log.calls, ElementsAre("begin rl"));
  ExpectOtherRankDoesTheSame(leader, status);
}

TEST(RlLoopTest, ValidatesEveryFewStepsAfterTheirCheckpoint) {
  RunPlan plan = Validating();
  plan.checkpoint_every = 2;
  FakeRank rank(plan, kStart);
  rank.leader_log.events["evaluate rl 2 validation"] = [&] {
    EXPECT_EQ(rank.log.calls.back(), "save rl-2");
  };
  ASSERT_TRUE(RlLoop(&rank.parts).Run().ok());
  EXPECT_THAT(rank.leader_log.calls, Contains("evaluate rl 2 validation"));
}

TEST(RlLoopTest, AnEvaluationCutShortEndsTheLoopAndIsMadeByTheNextStart) {
  FakeRank leader(Validating(), kStart, 0, 2);
  leader.leader_log.errors["evaluate rl 2 validation"] = absl::CancelledError("closed");
  const absl::Status status = RlLoop(&leader.parts).Run();
  EXPECT_TRUE(absl::IsCancelled(status));
  EXPECT_EQ(leader.leader_log.calls.back(), "evaluate rl 2 validation");
  ExpectOtherRankDoesTheSame(leader, status);

  FakeRank next(Validating(), leader.parts.state);
  ASSERT_TRUE(RlLoop(&next.parts).Run().ok());
  EXPECT_THAT(next.leader_log.calls,
              ElementsAre("allow 3", "evaluate rl 2 validation", "take", "report rl 3"));
}

TEST(RlLoopTest, AFailedEvaluationEndsTheLoopWithItsError) {
  FakeRank rank(Validating(), kStart);
  rank.leader_log.errors["evaluate rl 2 validation"] = absl::DataLossError("no room for the log");
  EXPECT_EQ(RlLoop(&rank.parts).Run(), absl::DataLossError("no room for the log"));
}

TEST(RlLoopTest, ThePolicyThatValidatesBestIsKeptByAllRanks) {
  FakeRank leader(Validating(), kStart, 0, 2);
  leader.checkpoints.best = {"rl-2"};
  ASSERT_TRUE(RlLoop(&leader.parts).Run().ok());
  EXPECT_THAT(leader.log.calls, Contains("save rl-2"));
  ExpectOtherRankDoesTheSame(leader, absl::OkStatus());
}

TEST(RlLoopTest, ThePolicyThatValidatesBestIsNotWrittenTwice) {
  RunPlan plan = Validating();
  plan.checkpoint_every = 2;
  FakeRank rank(plan, kStart);
  rank.checkpoints.best = {"rl-2"};
  ASSERT_TRUE(RlLoop(&rank.parts).Run().ok());
  EXPECT_EQ(std::count(rank.log.calls.begin(), rank.log.calls.end(), "save rl-2"), 1);
}

TEST(RlLoopTest, AFailedPublicationEndsTheLoopAndItsStepIsNotReported) {
  FakeRank rank(kPlan, kStart);
  rank.log.errors["publish 3"] = absl::ResourceExhaustedError("no memory for a snapshot");
  EXPECT_EQ(RlLoop(&rank.parts).Run(), absl::ResourceExhaustedError("no memory for a snapshot"));
  EXPECT_EQ(rank.log.calls.back(), "publish 3");
  EXPECT_EQ(rank.leader_log.calls.back(), "take");
}

TEST(RlLoopTest, AStepWhoseGradientIsNotFiniteIsPublishedReportedAndPassed) {
  FakeRank leader(kPlan, kStart, 0, 2);
  leader.training.refused = {"policy step 2"};
  EXPECT_TRUE(RlLoop(&leader.parts).Run().ok());
  EXPECT_THAT(leader.log.calls, Contains("publish 3"));  // The slots of its groups return.
  EXPECT_THAT(leader.leader_log.calls, Contains("report rl 2 refused"));
  EXPECT_THAT(leader.leader_log.calls, Contains("report rl 3"));
  ExpectOtherRankDoesTheSame(leader, absl::OkStatus());
}

TEST(RlLoopTest, AStepThatAllRanksRefuseIsNotCountedPublishedReportedOrSaved) {
  RunPlan plan = kPlan;
  plan.checkpoint_every = 1;
  const absl::Status refused = absl::InvalidArgumentError("the step is not taken");
  FakeRank leader(plan, kStart, 0, 2);
  leader.log.errors["policy step 2"] = refused;
  EXPECT_EQ(RlLoop(&leader.parts).Run(), refused);
  EXPECT_EQ(leader.parts.state.rl_step, 1);
  EXPECT_THAT(leader.log.calls,
              ElementsAre("begin rl", "policy step 1", "publish 2", "save rl-1", "policy step 2"));
  EXPECT_EQ(leader.leader_log.calls.back(), "take");
  FakeRank other(plan, kStart, 1, 2, leader.link.headers);
  other.log.errors["policy step 2"] = refused;
  EXPECT_EQ(RlLoop(&other.parts).Run(), refused);
  EXPECT_EQ(other.log.calls, leader.log.calls);
}

TEST(RlLoopTest, AFailedWriteOfACheckpointEndsTheLoopBeforeABatchIsTaken) {
  FakeRank rank(kPlan, kStart);
  rank.checkpoints.write_error = absl::UnavailableError("the disk is full");
  EXPECT_EQ(RlLoop(&rank.parts).Run(), absl::UnavailableError("the disk is full"));
  EXPECT_THAT(rank.leader_log.calls, Not(Contains("take")));
}

TEST(RlLoopTest, AnErrorOfOneRankIsThatRanksOwn) {
  FakeRank leader(kPlan, kStart, 0, 2);
  ASSERT_TRUE(RlLoop(&leader.parts).Run().ok());
  FakeRank other(kPlan, kStart, 1, 2, leader.link.headers);
  other.log.errors["policy step 2"] = absl::ResourceExhaustedError("out of memory");
  EXPECT_EQ(RlLoop(&other.parts).Run(), absl::ResourceExhaustedError("out of memory"));
  EXPECT_EQ(other.parts.state.rl_step, 1);
}

}  // namespace
}  // namespace convrec::learner
