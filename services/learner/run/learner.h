// The learner of a run: supervised fine-tuning, then reinforcement learning, with evaluations,
// publication of weights, checkpoints and the run log.
#pragma once

#include "absl/status/status.h"
#include "libs/config/command_line.h"

namespace convrec::learner {

// Blocks until the run is complete (OK), or until a signal has stopped it and a checkpoint is
// written (Cancelled). Serves gRPC and metrics meanwhile. Call once per process.
absl::Status RunLearner(const config::ServiceArguments& arguments);

}  // namespace convrec::learner
