// The learning rate as a pure function of the step, so that resuming needs no state.
#pragma once

#include <cstdint>

#include "libs/config/sections/optimizer.h"

namespace convrec::learner {

using config::Decay;

struct LrSchedule {
  double peak = 1e-6;
  Decay decay = Decay::kConstant;
  int64_t warmup_steps = 0;  // The rate climbs linearly and is `peak` at step warmup_steps - 1.
  int64_t total_steps = 0;   // Length of a linear or cosine decay, warm-up included.
  double final_ratio = 0;    // Share of the peak that the decay ends at, and stays at.
  // kStep: the rate is multiplied by drop_factor whenever drop_every steps are done, warm-up
  // included.
  int64_t drop_every = 0;
  double drop_factor = 1;
};

// Rate of step 0, 1, ...
double LearningRate(const LrSchedule& schedule, int64_t step);

}  // namespace convrec::learner
