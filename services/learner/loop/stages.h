// The order of a run, on every rank: an evaluation of the model as loaded, supervised fine-tuning,
// reinforcement learning, and the evaluations, publications and checkpoints in between.
#pragma once

#include "absl/status/status.h"
#include "services/learner/loop/learner_parts.h"

namespace convrec::learner {

// Runs from the state of `parts` to the end of the run; OK when everything has been written.
// Cancelled if a stop came first: what had been trained is then in a checkpoint.
absl::Status RunStages(LearnerParts* parts);

}  // namespace convrec::learner
