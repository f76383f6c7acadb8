// The order of a run, on every rank: an evaluation of the model as loaded, supervised fine-tuning,
// reinforcement learning, and what is evaluated, published and kept in between.
#pragma once

#include "absl/status/status.h"
#include "services/learner/loop/learner_parts.h"

namespace convrec::learner {

// From the state of `parts` to the end of the run; OK when all of it has been written. Cancelled
// when a stop came first: what had been trained is in a checkpoint then.
absl::Status RunStages(LearnerParts* parts);

}  // namespace convrec::learner
