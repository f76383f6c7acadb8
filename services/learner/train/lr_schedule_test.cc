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

TEST(LrScheduleTest, RefusesWhatItCannotFollow) {
  EXPECT_FALSE(Validate(LrSchedule{.peak = -1}).ok());
  EXPECT_FALSE(Validate(LrSchedule{.peak = 1, .decay = Decay::kCosine}).ok());
  EXPECT_FALSE(Validate(LrSchedule{.peak = 1, .final_ratio = 1.5}).ok());
  EXPECT_FALSE(ParseDecay("step").ok());
  EXPECT_EQ(*ParseDecay("cosine"), Decay::kCosine);
}

}  // namespace
}  // namespace convrec::learner
