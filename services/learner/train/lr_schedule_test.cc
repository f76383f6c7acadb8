#include "services/learner/train/lr_schedule.h"

#include <gtest/gtest.h>

namespace convrec::learner {
namespace {

TEST(LrScheduleTest, WarmUpClimbsToThePeakAndNeverWastesAStep) {
  const LrSchedule schedule = {.peak = 4, .warmup_steps = 4};
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 0), 1);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 3), 4);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 1000), 4);
}

TEST(LrScheduleTest, LinearFallsToTheFinalRatioAndStays) {
  const LrSchedule schedule = {
      .peak = 2, .decay = Decay::kLinear, .warmup_steps = 2, .total_steps = 12, .final_ratio = 0.1};
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 2), 2);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 7), 1.1);  // Half-way: 2 * (.1 + .9 * .5)
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 12), 0.2);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 500), 0.2);
}

TEST(LrScheduleTest, CosineIsAtHalfInTheMiddle) {
  const LrSchedule schedule = {.peak = 2, .decay = Decay::kCosine, .total_steps = 10};
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 0), 2);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 5), 1);
  EXPECT_NEAR(LearningRate(schedule, 10), 0, 1e-15);
}

TEST(LrScheduleTest, StepDropsAfterEveryPeriodDownToTheFinalRatio) {
  LrSchedule schedule = {
      .peak = 2, .decay = Decay::kStep, .warmup_steps = 4, .drop_every = 10, .drop_factor = 0.5};
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 0), 0.5);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 9), 2);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 10), 1);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 20), 0.5);
  schedule.final_ratio = 0.5;  // A single drop.
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 19), 1);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 1000), 1);
}

}  // namespace
}  // namespace convrec::learner
