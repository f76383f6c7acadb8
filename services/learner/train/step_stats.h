// What one step of the trainer reports.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "libs/statistics/step_values.h"
#include "services/learner/loss/loss_stats.h"

namespace convrec::learner {

// Wall time by stage; on an accelerator a stage ends when its results are read.
struct StageTimes {
  absl::Duration forward;    // Forward pass of the policy, including the loss.
  absl::Duration reference;  // Forward pass of the reference policy.
  absl::Duration backward;
  absl::Duration optimizer;  // Norm, clipping and update.
};

// One optimizer update.
struct UpdateStats {
  double learning_rate = 0;
  double grad_norm = 0;     // Before clipping.
  bool is_applied = false;  // False: the gradient was not finite, and the parameters are unchanged.
  bool is_refused = false;  // Not applied because some rank refuses the step.
};

struct StepStats {
  statistics::RlValues batch;  // Statistics of the batch itself, before training.
  // One entry per update of the batch. The first is computed before anything changed: its KL,
  // entropy and sampler gap are those of the policy passed in. In the last, ratios have moved
  // furthest.
  std::vector<LossStats> losses;
  std::vector<UpdateStats> updates;
  int64_t num_microbatches = 0;
  StageTimes times;
};

struct SftStats {
  double loss = 0;  // Mean negative log-probability of a completion token, in nats.
  double entropy_mean = 0;
  int64_t num_tokens = 0;  // Completion tokens.
  UpdateStats update;
  int64_t num_microbatches = 0;
  StageTimes times;
};

}  // namespace convrec::learner
