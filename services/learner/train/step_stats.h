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
  absl::Duration forward;    // Of the policy, loss included.
  absl::Duration reference;  // Forward pass of the reference policy.
  absl::Duration backward;
  absl::Duration optimizer;  // Norm, clipping, update.
};

// One optimizer update.
struct UpdateStats {
  double learning_rate = 0;
  double grad_norm = 0;     // Before clipping.
  bool is_applied = false;  // False: the gradient was not finite, the parameters are untouched.
  bool is_refused = false;  // Not applied since some rank refuses the step.
};

struct StepStats {
  statistics::RlValues batch;  // What the batch says by itself.
  // One per update of the batch: the first one before anything changed (its KL, entropy and sampler
  // gap are those of the policy that was handed in), the last one where the ratios moved furthest.
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
