// The machine's clock is set while a job runs.
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/support/job.h"
#include "tests/support/stepped_clock.h"

namespace convrec::testing {
namespace {

constexpr absl::Duration kLong = absl::Minutes(3);

TEST(ClockFaultsTest, ARunEndsThoughTheClockIsSetBackAnHourInItsMidst) {
  SteppedClock clock;
  Job job({"learner.steps=8"}, JobSize::kTiny);
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  job.WaitForStep(2, kLong);
  clock.Step(-absl::Hours(1));
  EXPECT_EQ(job.WaitForEnd("learner", kLong).code, 0) << job.LogText("learner");
  EXPECT_EQ(job.WaitForEnd("rollout-1", kLong).code, 0) << job.LogText("rollout-1");
  EXPECT_EQ(job.Log().rl_steps.size(), 8u);
}

TEST(ClockFaultsTest, LeasesExpireThoughTheClockIsSetBackAnHour) {
  SteppedClock clock;
  Job job({"learner.lease_timeout_s=3", "rollout.reward_timeout_s=2", "learner.steps=8"},
          JobSize::kTiny);
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  job.WaitForStep(2, kLong);
  // Killed with the leases of the next step; they are of a worker that never comes back.
  job.child("rollout-1").Signal(SIGKILL);
  clock.Step(-absl::Hours(1));
  job.StartWorker("rollout-2");
  EXPECT_EQ(job.WaitForEnd("learner", kLong).code, 0) << job.LogText("learner");
  EXPECT_EQ(job.Log().rl_steps.size(), 8u);
}

TEST(ClockFaultsTest, NothingIsGivenUpWhenTheClockIsSetForwardAnHour) {
  SteppedClock clock;
  Job job({"learner.steps=8"}, JobSize::kTiny);
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  job.WaitForStep(2, kLong);
  clock.Step(absl::Hours(1));
  EXPECT_EQ(job.WaitForEnd("learner", kLong).code, 0) << job.LogText("learner");
  const report::RunLog log = job.Log();
  EXPECT_EQ(log.rl_steps.size(), 8u);
  for (const report::RlStep& step : log.rl_steps) EXPECT_EQ(step["dropped_groups"], 0);
}

}  // namespace
}  // namespace convrec::testing
