// What the engine keeps about a group from Add() to its result.
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
  std::vector<int32_t> blocks;  // Of positions from P - 1 on.
  int num_computed = 0;         // Own positions with keys, from P - 1 on.
  bool is_done = false;
  std::unique_ptr<domain::TokenConstraint> constraint;
};

struct RunningGroup {
  GenerationRequest request;
  PlannedGroup plan;                     // Kept up to date by the engine, read by the planner.
  std::vector<int32_t> shared_blocks;    // Of the prompt's positions 0..P-2.
  domain::PolicyVersion oldest_version;  // Of the weights that computed the prompt.
  bool has_begun = false;                // Some of the prompt is computed.
  std::vector<RunningSibling> siblings;
};

}  // namespace convrec::engine
