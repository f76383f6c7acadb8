// The engine's state of a group from Add() to its result.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "libs/domain/completion.h"
#include "libs/domain/token_constraint.h"
#include "libs/engine/generation_engine.h"
#include "libs/engine/step_planner.h"

namespace convrec::engine {

struct RunningSibling {
  domain::Completion completion;
  std::vector<int32_t>
      pending;  // Tokens whose keys are not computed yet; the last one gives the next draw.
  std::vector<int32_t> blocks;  // Blocks of positions from P - 1 on.
  int num_computed = 0;         // Own positions that have keys, from P - 1 on.
  bool is_done = false;
  std::unique_ptr<domain::TokenConstraint> constraint;
};

struct RunningGroup {
  GenerationRequest request;
  PlannedGroup plan;                     // Updated by the engine, read by the planner.
  std::vector<int32_t> shared_blocks;    // Blocks of the prompt's positions 0..P-2.
  domain::PolicyVersion oldest_version;  // Oldest version of the weights that computed the prompt.
  bool has_begun = false;                // Some of the prompt is computed.
  std::vector<RunningSibling> siblings;
};

}  // namespace convrec::engine
