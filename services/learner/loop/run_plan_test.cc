#include "services/learner/loop/run_plan.h"

#include <gtest/gtest.h>

namespace convrec::learner {
namespace {

RunState Sft(int64_t step) { return {.sft_step = step}; }
RunState Rl(int64_t step) { return {.in_rl = true, .sft_step = 9, .rl_step = step}; }

TEST(RunPlanTest, CheckpointsComeEveryFewStepsOfAStageButNotAtItsEnd) {
  const RunPlan plan{.sft_steps = 9, .rl_steps = 6, .checkpoint_every = 3};
  EXPECT_FALSE(CheckpointIsDue(plan, Sft(2)));
  EXPECT_TRUE(CheckpointIsDue(plan, Sft(6)));
  EXPECT_FALSE(CheckpointIsDue(plan, Sft(9)));
  EXPECT_TRUE(CheckpointIsDue(plan, Rl(3)));
  EXPECT_FALSE(CheckpointIsDue(plan, Rl(6)));
  EXPECT_FALSE(CheckpointIsDue({.rl_steps = 6}, Rl(3)));
}

TEST(RunPlanTest, ValidationsComeEveryFewStepsTheLastIncluded) {
  const RunPlan plan{.rl_steps = 4, .evaluate_every = 2};
  EXPECT_FALSE(ValidationIsDue(plan, Rl(0)));
  EXPECT_FALSE(ValidationIsDue(plan, Rl(1)));
  EXPECT_TRUE(ValidationIsDue(plan, Rl(4)));
  EXPECT_FALSE(ValidationIsDue({.rl_steps = 4}, Rl(4)));
}

TEST(RunPlanTest, AStateNamesItsCheckpointAndKnowsWhetherItIsWorthOne) {
  EXPECT_EQ(CheckpointName(Sft(40)), "sft-40");
  EXPECT_EQ(CheckpointName(Rl(7)), "rl-7");
  EXPECT_FALSE(HasSteps(Sft(0)));
  EXPECT_TRUE(HasSteps(Sft(1)));
  EXPECT_FALSE(HasSteps(Rl(0)));  // The end of the supervised stage has its checkpoint.
  EXPECT_TRUE(HasSteps(Rl(1)));
}

}  // namespace
}  // namespace convrec::learner
