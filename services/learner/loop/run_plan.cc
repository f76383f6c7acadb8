#include "services/learner/loop/run_plan.h"

#include "absl/strings/str_cat.h"

namespace convrec::learner {

RunPlan PlanOf(const config::RunOptions& options) {
  const config::LearnerOptions& learner = options.learner;
  return {.sft_steps = learner.sft.steps,
          .rl_steps = learner.steps,
          .sft_rows_per_step = learner.sft.rows_per_step,
          .groups_per_step = learner.groups_per_step,
          .checkpoint_every = learner.checkpoint.every_steps,
          .evaluate_every = options.evaluation.every_steps,
          .zero_shot = options.evaluation.zero_shot,
          .has_reference = learner.objective.kl_beta > 0,
          .microbatch_tokens = learner.microbatch_tokens,
          .seed = options.seed};
}

domain::PolicyVersion VersionOf(int64_t rl_step) { return {rl_step + 1}; }

bool CheckpointIsDue(const RunPlan& plan, const RunState& state) {
  const int64_t step = state.in_rl ? state.rl_step : state.sft_step;
  const int64_t last = state.in_rl ? plan.rl_steps : plan.sft_steps;
  return plan.checkpoint_every > 0 && step % plan.checkpoint_every == 0 && step < last;
}

bool ValidationIsDue(const RunPlan& plan, const RunState& state) {
  return plan.evaluate_every > 0 && state.rl_step > 0 && state.rl_step % plan.evaluate_every == 0;
}

std::string CheckpointName(const RunState& state) {
  return state.in_rl ? absl::StrCat("rl-", state.rl_step) : absl::StrCat("sft-", state.sft_step);
}

bool HasSteps(const RunState& state) {
  return state.in_rl ? state.rl_step > 0 : state.sft_step > 0;
}

}  // namespace convrec::learner
