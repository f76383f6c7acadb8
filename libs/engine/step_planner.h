// The scheduler: decides which groups and siblings run in the next step, and how many of their
// tokens. Pure functions.
//
// A prompt of P tokens is shared up to its last token. Positions 0..P-2 are prefilled once per
// group, in chunks. Each sibling's own tokens begin with the last prompt token, whose result gives
// the first draw. Admission is first come, first served and reserves the memory that a group or
// sibling may need, so nothing that has started ever waits for memory or is preempted.
#pragma once

#include <cstdint>
#include <vector>

#include "libs/kernels/paged_attention.h"

namespace convrec::engine {

// Positions per block of key-value memory.
constexpr int kBlockTokens = kernels::kBlockPositions;

struct StepLimits {
  int num_blocks = 0;          // Blocks of key-value memory.
  int max_rows = 0;            // Siblings that may run at the same time.
  int max_prefill_tokens = 0;  // Prompt tokens per step.
};

// A group as the planner sees it, in the order of arrival.
struct PlannedGroup {
  int prompt_tokens = 0;  // P >= 1
  int max_new_tokens = 0;
  int num_siblings = 0;
  bool admitted = false;  // Has a reservation for its prompt.
  int prefilled = 0;      // How many of the P - 1 shared positions are prefilled.
  int started = 0;        // Siblings 0..started-1 have started.
  int finished = 0;       // How many of those have finished.
};

struct PlannedPrefill {
  int group = 0;  // Index into the groups.
  int num_tokens = 0;
};

struct StepPlan {
  std::vector<int> admit;  // Groups that receive their reservation.
  std::vector<PlannedPrefill> prefill;
  std::vector<int> start;  // Groups that start a sibling, listed once per sibling.
  // Running siblings, including those that start now, run whenever their prompt is complete after
  // this step.
};

// Number of blocks for a prompt's shared positions, and for one sibling's own tokens from position
// P - 1 on (the last token drawn is never read).
int SharedBlocks(int prompt_tokens);
int OwnBlocks(int prompt_tokens, int max_new_tokens);

// Whether a group can ever run within the limits: its prompt and one sibling fit.
bool FitsAlone(const PlannedGroup& group, const StepLimits& limits);

// Number of blocks reserved by admitted groups and running siblings.
int ReservedBlocks(const std::vector<PlannedGroup>& groups);

// With `admit_new` false, groups that have not been admitted wait and the others continue.
StepPlan PlanStep(const std::vector<PlannedGroup>& groups,
                  const StepLimits& limits,
                  bool admit_new);

}  // namespace convrec::engine
