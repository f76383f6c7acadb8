// The learning rate as a pure function of the step, so that resuming needs no state.
#pragma once

#include <cstdint>

#include "libs/config/sections/optimizer.h"

namespace convrec::learner {

using config::Decay;

struct LrSchedule {
  double peak = 1e-6;
  Decay decay = Decay::kConstant;
  int64_t warmup_steps = 0;  // The rate rises linearly and reaches `peak` at step warmup_steps - 1.
  int64_t total_steps = 0;   // Length of a linear or cosine decay, warm-up included.
  double final_ratio = 0;    // The fraction of the peak at which the decay ends and stays.
  // kStep: the rate is multiplied by drop_factor every drop_every steps, counting the warm-up.
  int64_t drop_every = 0;
  double drop_factor = 1;
};

// Rate of step 0, 1, ...
double LearningRate(const LrSchedule& schedule, int64_t step);

}  // namespace convrec::learner
