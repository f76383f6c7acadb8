#include "libs/engine/step_planner.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "libs/base/random.h"

namespace convrec::engine {
namespace {

TEST(StepPlanner, CountsTheBlocksOfAPromptAndOfASibling) {
  EXPECT_EQ(SharedBlocks(1), 0);
  EXPECT_EQ(SharedBlocks(2), 1);
  EXPECT_EQ(SharedBlocks(33), 1);
  EXPECT_EQ(SharedBlocks(34), 2);
  EXPECT_EQ(OwnBlocks(1, 1), 1);   // Position 0.
  EXPECT_EQ(OwnBlocks(1, 32), 1);  // Positions 0..31.
  EXPECT_EQ(OwnBlocks(1, 33), 2);
  EXPECT_EQ(OwnBlocks(32, 2), 2);   // Positions 31, 32.
  EXPECT_EQ(OwnBlocks(33, 32), 1);  // Positions 32..63.
}

TEST(StepPlanner, WholeGroupsStartAtOnceWhereThereIsRoom) {
  const std::vector<PlannedGroup> groups(
      3, {.prompt_tokens = 40, .max_new_tokens = 20, .num_siblings = 4});
  const StepPlan plan =
      PlanStep(groups, {.num_blocks = 100, .max_rows = 64, .max_prefill_tokens = 100}, true);
  EXPECT_EQ(plan.admit, (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(plan.start.size(), 12u);
  ASSERT_EQ(plan.prefill.size(), 3u);
  EXPECT_EQ(plan.prefill[1].num_tokens, 39);
  EXPECT_EQ(plan.prefill[2].num_tokens, 22);  // What is left of 100.
}

TEST(StepPlanner, LaterGroupsDoNotOvertakeWaitingSiblings) {
  const std::vector<PlannedGroup> groups(
      2, {.prompt_tokens = 2, .max_new_tokens = 20, .num_siblings = 6});
  const StepPlan plan =
      PlanStep(groups, {.num_blocks = 100, .max_rows = 4, .max_prefill_tokens = 100}, true);
  EXPECT_EQ(plan.admit, std::vector<int>{0});
  EXPECT_EQ(plan.start, (std::vector<int>{0, 0, 0, 0}));
}

TEST(StepPlanner, WhileDrainingOnlyRunningGroupsGoOn) {
  std::vector<PlannedGroup> groups(2,
                                   {.prompt_tokens = 50, .max_new_tokens = 20, .num_siblings = 2});
  groups[0].admitted = true;
  groups[0].started = 1;
  const StepPlan plan =
      PlanStep(groups, {.num_blocks = 100, .max_rows = 8, .max_prefill_tokens = 10}, false);
  EXPECT_TRUE(plan.admit.empty());
  EXPECT_EQ(plan.start, std::vector<int>{0});
  ASSERT_EQ(plan.prefill.size(), 1u);
  EXPECT_EQ(plan.prefill[0].num_tokens, 10);
}

// Random groups in a simulated engine: limits hold at every step, the order of arrival is kept, and
// everything finishes.
TEST(StepPlanner, AnyLoadStaysWithinItsLimitsAndComesToAnEnd) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    base::RandomStream random(seed, 3);
    const StepLimits limits{.num_blocks = 4 + static_cast<int>(random.Below(30)),
                            .max_rows = 1 + static_cast<int>(random.Below(10)),
                            .max_prefill_tokens = 1 + static_cast<int>(random.Below(80))};
    std::vector<PlannedGroup> groups;
    while (groups.size() < 12) {
      const PlannedGroup group{.prompt_tokens = 1 + static_cast<int>(random.Below(100)),
                               .max_new_tokens = 1 + static_cast<int>(random.Below(60)),
                               .num_siblings = 1 + static_cast<int>(random.Below(12))};
      if (FitsAlone(group, limits)) groups.push_back(group);
    }
    int steps = 0;
    const auto unfinished = [](const PlannedGroup& group) {
      return group.finished < group.num_siblings;
    };
    while (std::any_of(groups.begin(), groups.end(), unfinished)) {
      ASSERT_LT(++steps, 100000) << "seed " << seed;
      const StepPlan plan = PlanStep(groups, limits, true);
      bool moves = !plan.start.empty();
      for (const int i : plan.admit) groups[static_cast<size_t>(i)].admitted = true;
      for (const int i : plan.start) ++groups[static_cast<size_t>(i)].started;
      int prefill = 0;
      for (const PlannedPrefill& chunk : plan.prefill) {
        groups[static_cast<size_t>(chunk.group)].prefilled += chunk.num_tokens;
        prefill += chunk.num_tokens;
        moves = true;
      }
      ASSERT_LE(prefill, limits.max_prefill_tokens);
      ASSERT_LE(ReservedBlocks(groups), limits.num_blocks);
      int rows = 0;
      bool earlier_waits = false;
      for (PlannedGroup& group : groups) {
        ASSERT_LE(group.prefilled, group.prompt_tokens - 1);
        ASSERT_LE(group.started, group.num_siblings);
        if (earlier_waits) {
          ASSERT_EQ(group.started, 0);
        }
        earlier_waits = earlier_waits || group.started < group.num_siblings;
        rows += group.started - group.finished;
        // Some running sibling ends.
        if (group.prefilled == group.prompt_tokens - 1 && group.finished < group.started) {
          moves = true;
          if (random.Below(3) == 0) ++group.finished;
        }
      }
      ASSERT_LE(rows, limits.max_rows);
      ASSERT_TRUE(moves) << "nothing runs and nothing has ended; seed " << seed;
      std::erase_if(groups, [&](const PlannedGroup& group) { return !unfinished(group); });
    }
  }
}

}  // namespace
}  // namespace convrec::engine
