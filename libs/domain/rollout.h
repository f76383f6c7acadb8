// The unit that goes from worker to learner and is retried, aged, trained on or dropped as a whole.
#pragma once

#include <string>
#include <vector>

#include "libs/domain/completion.h"
#include "libs/domain/ids.h"
#include "libs/domain/list_score.h"

namespace convrec::domain {

// Values of rank_of_token other than 0..N-1.
inline constexpr int32_t kEndUnit = -1;  // The end-of-stream token, a separate unit.
// Ranks past N keep their own number (N, N + 1, ...): all are overflow.

struct Rollout {
  Completion completion;
  std::vector<int32_t> rank_of_token;  // T, recorded from the sampled token ids; see
                                       // libs/lists/rank_segmentation.h.
  ListScore score;
  std::string text;  // The list as text; for reports, never tokenised again.
};

struct RolloutGroup {
  GroupId group;
  int attempt = 0;
  RunEpoch epoch;
  std::vector<Rollout> rollouts;  // G siblings, in sibling order.
  // Noted by the learner when the group arrives: the worker that sampled it, and whether that
  // computes in float32.
  std::string worker = {};
  bool in_float32 = false;
};

}  // namespace convrec::domain
