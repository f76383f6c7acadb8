// The numbers that determine the order of a run: its configuration and its progress. Every rank
// computes the same order from them, so none of this is sent between ranks. Pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "libs/config/run_options.h"
#include "libs/domain/ids.h"
#include "services/learner/loop/run_state.h"

namespace convrec::learner {

struct RunPlan {
  int64_t sft_steps = 0;  // 0 = no supervised stage.
  int64_t rl_steps = 0;   // 0 = no reinforcement learning.
  int64_t sft_rows_per_step = 0;
  int64_t groups_per_step = 0;
  int64_t checkpoint_every = 0;  // Steps; 0 = only at the end of a stage and on a stop.
  int64_t evaluate_every = 0;    // Steps; 0 = no validation.
  bool zero_shot = false;        // Evaluate the model as loaded, before training.
  bool has_reference = false;    // The policy is kept close to that of the end of the first stage.
  int64_t microbatch_tokens = 0;
  uint64_t seed = 0;
};
RunPlan PlanOf(const config::RunOptions& options);

// Versions: 0 is the model as loaded, 1 after supervised fine-tuning, then +1 per step.
domain::PolicyVersion VersionOf(int64_t rl_step);

// Whether a periodic checkpoint follows the state. The end of a stage has a checkpoint of its own.
bool CheckpointIsDue(const RunPlan& plan, const RunState& state);
// Whether a validation follows this step of reinforcement learning.
bool ValidationIsDue(const RunPlan& plan, const RunState& state);

// For example "sft-40", "rl-7".
std::string CheckpointName(const RunState& state);
// Whether the stage has changed the policy, so that a stopped run has something to save.
bool HasSteps(const RunState& state);

}  // namespace convrec::learner
