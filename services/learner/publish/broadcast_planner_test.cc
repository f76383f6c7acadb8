#include "services/learner/publish/broadcast_planner.h"

#include <gtest/gtest.h>

namespace convrec::learner {
namespace {

using Answer = BroadcastPlanner::Plan::Answer;

const absl::Time kStart = absl::UnixEpoch();

class BroadcastPlannerTest : public testing::Test {
 protected:
  BroadcastPlanner::Plan Ask(const std::string& worker, int64_t held, int64_t version) {
    return planner_.PlanFor(worker, held, version, now_);
  }
  void Pass(absl::Duration time) { now_ += time; }

  // The first broadcast, to a, b and c.
  void Begin() {
    for (const char* worker : {"a", "b", "c"}) EXPECT_EQ(Ask(worker, 0, 1).answer, Answer::kWait);
    Pass(absl::Seconds(1));
    for (const char* worker : {"c", "a", "b"}) EXPECT_EQ(Ask(worker, 0, 1).answer, Answer::kJoin);
    EXPECT_EQ(planner_.TakeRound()->generation, 101);
  }

  absl::Time now_ = kStart;
  BroadcastPlanner planner_{absl::Seconds(1), 100};
};

TEST_F(BroadcastPlannerTest, ThoseWhoComeWithinTheWindowAreTheGroup) {
  EXPECT_EQ(Ask("b", 0, 1).answer, Answer::kWait);
  EXPECT_EQ(planner_.closes(), kStart + absl::Seconds(1));
  Pass(absl::Milliseconds(900));
  EXPECT_EQ(Ask("a", 0, 1).answer, Answer::kWait);
  EXPECT_EQ(planner_.TakeRound(), std::nullopt);
  Pass(absl::Milliseconds(100));
  const BroadcastPlanner::Plan a = Ask("a", 0, 1), b = Ask("b", 0, 1);
  EXPECT_EQ(a.answer, Answer::kJoin);
  EXPECT_EQ(a.generation, 101);
  EXPECT_EQ(a.size, 3);
  EXPECT_EQ(a.rank + b.rank, 3) << "ranks are 1 and 2";
  const auto round = planner_.TakeRound();
  ASSERT_TRUE(round.has_value());
  EXPECT_EQ(round->version, 1);
  EXPECT_EQ(round->size, 3);
  EXPECT_EQ(planner_.TakeRound(), std::nullopt) << "once";
  EXPECT_EQ(Ask("a", 0, 1).answer, Answer::kElsewhere) << "the broadcast has not reached it";
  EXPECT_EQ(Ask("late", 0, 1).answer, Answer::kElsewhere);
}

TEST_F(BroadcastPlannerTest, MembersThatAreStillThereUseTheirGroupAgainAtOnce) {
  Begin();
  EXPECT_EQ(Ask("b", 101, 2).answer, Answer::kWait);
  EXPECT_EQ(Ask("c", 101, 2).answer, Answer::kWait);
  EXPECT_EQ(Ask("a", 101, 2).generation, 101) << "the last one waits for nobody";
  EXPECT_EQ(Ask("b", 101, 2).answer, Answer::kJoin);
  EXPECT_EQ(planner_.TakeRound()->generation, 101);
}

TEST_F(BroadcastPlannerTest, ANewWorkerOrOneThatHasLeftTheGroupMakesANewGeneration) {
  Begin();
  EXPECT_EQ(Ask("late", 0, 2).answer, Answer::kWait);
  EXPECT_EQ(Ask("a", 101, 2).answer, Answer::kWait);
  EXPECT_EQ(Ask("b", 101, 2).answer, Answer::kWait);
  const BroadcastPlanner::Plan plan = Ask("c", 101, 2);
  EXPECT_EQ(plan.generation, 102);
  EXPECT_EQ(plan.size, 5);
  for (const char* worker : {"a", "b", "late"}) EXPECT_EQ(Ask(worker, 102, 2).size, 5);
  // One has started again under its name, or has failed by itself.
  for (const char* worker : {"a", "b", "late"})
    EXPECT_EQ(Ask(worker, 102, 3).answer, Answer::kWait);
  EXPECT_EQ(Ask("c", 0, 3).generation, 103);
}

TEST_F(BroadcastPlannerTest, AGroupThatTheLearnerHasLeftIsNotUsedAgain) {
  Begin();
  planner_.Broken(101);
  Ask("a", 101, 2);
  Ask("b", 101, 2);
  EXPECT_EQ(Ask("c", 101, 2).generation, 102);
  planner_.Broken(101);  // Old news.
  Ask("a", 102, 3);
  Ask("b", 102, 3);
  EXPECT_EQ(Ask("c", 102, 3).generation, 102);
}

TEST_F(BroadcastPlannerTest, ALostWorkerDelaysTheNextVersionByTheWindowAndNoOther) {
  Begin();
  EXPECT_EQ(Ask("a", 101, 2).answer, Answer::kWait);
  EXPECT_EQ(Ask("b", 101, 2).answer, Answer::kWait);
  Pass(absl::Seconds(1));
  EXPECT_EQ(Ask("a", 101, 2).size, 3);
  EXPECT_EQ(Ask("b", 101, 2).size, 3);
  EXPECT_EQ(Ask("a", 102, 3).answer, Answer::kWait);
  EXPECT_EQ(Ask("b", 102, 3).size, 3);
}

TEST_F(BroadcastPlannerTest, WhoIsGoneBeforeTheBroadcastBeginsIsNoMember) {
  EXPECT_EQ(Ask("a", 0, 1).answer, Answer::kWait);
  planner_.Gone("a", 1);
  Pass(absl::Seconds(5));
  EXPECT_EQ(Ask("b", 0, 1).answer, Answer::kWait) << "the window begins anew";
  Pass(absl::Seconds(1));
  EXPECT_EQ(Ask("b", 0, 1).size, 2);
}

TEST_F(BroadcastPlannerTest, AVersionThatHasBeenSupersededIsSentElsewhere) {
  EXPECT_EQ(Ask("a", 0, 2).answer, Answer::kWait);
  EXPECT_EQ(Ask("b", 0, 1).answer, Answer::kElsewhere);
}

}  // namespace
}  // namespace convrec::learner
