#include "libs/engine/step_planner.h"

#include <algorithm>

namespace convrec::engine {
namespace {

int CeilBlocks(int tokens) { return (tokens + kBlockTokens - 1) / kBlockTokens; }

int OwnBlocksOf(const PlannedGroup& group) {
  return OwnBlocks(group.prompt_tokens, group.max_new_tokens);
}

}  // namespace

int SharedBlocks(int prompt_tokens) { return CeilBlocks(prompt_tokens - 1); }

int OwnBlocks(int prompt_tokens, int max_new_tokens) {
  const int first = prompt_tokens - 1, last = prompt_tokens + max_new_tokens - 2;
  return last / kBlockTokens - first / kBlockTokens + 1;
}

bool FitsAlone(const PlannedGroup& group, const StepLimits& limits) {
  return limits.max_rows >= 1 &&
         SharedBlocks(group.prompt_tokens) + OwnBlocksOf(group) <= limits.num_blocks;
}

int ReservedBlocks(const std::vector<PlannedGroup>& groups) {
  int blocks = 0;
  for (const PlannedGroup& group : groups) {
    if (!group.admitted) continue;
    blocks +=
        SharedBlocks(group.prompt_tokens) + (group.started - group.finished) * OwnBlocksOf(group);
  }
  return blocks;
}

StepPlan PlanStep(const std::vector<PlannedGroup>& groups,
                  const StepLimits& limits,
                  bool admit_new) {
  StepPlan plan;
  int free_blocks = limits.num_blocks - ReservedBlocks(groups);
  int free_rows = limits.max_rows;
  for (const PlannedGroup& group : groups) free_rows -= group.started - group.finished;
  int prefill_tokens = limits.max_prefill_tokens;

  for (size_t i = 0; i < groups.size(); ++i) {
    const PlannedGroup& group = groups[i];
    const int index = static_cast<int>(i);
    int startable = group.num_siblings - group.started;
    if (!group.admitted) {
      // A group is admitted together with its first sibling, so that no prompt holds memory in
      // vain.
      const int needed = SharedBlocks(group.prompt_tokens) + OwnBlocksOf(group);
      if (!admit_new || free_rows < 1 || free_blocks < needed) break;
      plan.admit.push_back(index);
      free_blocks -= SharedBlocks(group.prompt_tokens);
    }
    while (startable > 0 && free_rows > 0 && free_blocks >= OwnBlocksOf(group)) {
      plan.start.push_back(index);
      --startable;
      --free_rows;
      free_blocks -= OwnBlocksOf(group);
    }
    const int chunk = std::min(prefill_tokens, group.prompt_tokens - 1 - group.prefilled);
    if (chunk > 0) {
      plan.prefill.push_back({.group = index, .num_tokens = chunk});
      prefill_tokens -= chunk;
    }
    // Later groups wait until the siblings that still wait here have started.
    if (startable > 0) break;
  }
  return plan;
}

}  // namespace convrec::engine
