#include "services/learner/run/objective_of.h"

namespace convrec::learner {

Objective ObjectiveOf(const config::RunOptions& options) {
  const bool is_reference = options.compat == Compat::kReference;
  return {options.learner.objective,
          options.compat,
          options.data.num_ranks,
          is_reference ? RatioAnchor::kCurrent : RatioAnchor::kSampled,
          options.rollout.max_new_tokens};
}

}  // namespace convrec::learner
