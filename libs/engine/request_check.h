// Whether an engine can ever run a request.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "libs/engine/generation_engine.h"
#include "libs/engine/step_planner.h"

namespace convrec::engine {

struct RequestLimits {
  int64_t vocab_size = 0;
  int64_t num_positions = 0;  // The model's context.
  int64_t block_bytes = 0;
  StepLimits step;
};

// InvalidArgument as GenerationEngine::Add().
absl::Status CheckRequest(const GenerationRequest& request, const RequestLimits& limits);

// The request as the planner sees it, not yet admitted.
PlannedGroup PlanOf(const GenerationRequest& request);

}  // namespace convrec::engine
