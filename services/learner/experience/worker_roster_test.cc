#include "services/learner/experience/worker_roster.h"

#include <gtest/gtest.h>

#include "libs/base/testing/fake_clock.h"

namespace convrec::learner {
namespace {

TEST(WorkerRosterTest, AWorkerMustJoinBeforeItIsHeard) {
  base::FakeClock clock;
  WorkerRoster roster(&clock);
  EXPECT_TRUE(absl::IsFailedPrecondition(roster.Hear("rollout-1", 7)));
  roster.Join("rollout-1", 7);
  EXPECT_TRUE(roster.Hear("rollout-1", 7).ok());
}

TEST(WorkerRosterTest, AProcessWhosePlaceAnotherHasTakenIsToldWhatToDo) {
  base::FakeClock clock;
  WorkerRoster roster(&clock);
  roster.Join("rollout-1", 7);
  roster.Join("rollout-1", 8);
  const absl::Status status = roster.Hear("rollout-1", 7);
  EXPECT_TRUE(absl::IsAlreadyExists(status)) << status;
  EXPECT_NE(status.message().find("every worker needs a name of its own"), std::string::npos);
  EXPECT_TRUE(roster.Hear("rollout-1", 8).ok());
}

TEST(WorkerRosterTest, TheLastOfANameSaysWhetherItSamplesInFloat32) {
  base::FakeClock clock;
  WorkerRoster roster(&clock);
  EXPECT_FALSE(roster.IsFloat32("rollout-1"));
  roster.Join("rollout-1", 1, /*is_float32=*/true);
  roster.Join("rollout-2", 2, /*is_float32=*/false);
  EXPECT_TRUE(roster.IsFloat32("rollout-1"));
  EXPECT_FALSE(roster.IsFloat32("rollout-2"));
  roster.Join("rollout-1", 3, /*is_float32=*/false);
  EXPECT_FALSE(roster.IsFloat32("rollout-1"));
}

TEST(WorkerRosterTest, CountsThoseHeardLately) {
  base::FakeClock clock;
  WorkerRoster roster(&clock);
  roster.Join("rollout-1", 1);
  clock.Advance(absl::Seconds(40));
  roster.Join("rollout-2", 2);
  EXPECT_EQ(roster.NumHeardWithin(absl::Minutes(1)), 2);
  clock.Advance(absl::Seconds(30));
  EXPECT_EQ(roster.NumHeardWithin(absl::Minutes(1)), 1);
  ASSERT_TRUE(roster.Hear("rollout-1", 1).ok());
  EXPECT_EQ(roster.NumHeardWithin(absl::Minutes(1)), 2);
}

TEST(WorkerRosterTest, AtTheEndItWaitsForThoseThatHaveNotBeenToldAndNoLonger) {
  base::FakeClock clock;
  WorkerRoster roster(&clock);
  roster.Join("told", 1);
  roster.Join("silent", 2);
  clock.Advance(absl::Seconds(11));
  ASSERT_TRUE(roster.Hear("told", 1).ok());
  roster.Forget("told");
  roster.AwaitForgotten(absl::Seconds(10), absl::Hours(1));  // On a clock that stands still.
  EXPECT_EQ(roster.NumHeardWithin(absl::Seconds(10)), 0);
}

}  // namespace
}  // namespace convrec::learner
