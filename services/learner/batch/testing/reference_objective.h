// The published scripts' objective, including their faults (method section 10).
#pragma once

#include "services/learner/batch/objective.h"

namespace convrec::learner {

inline Objective ReferenceObjective(int num_ranks) {
  Objective objective;
  objective.compat = Compat::kReference;
  objective.num_ranks = num_ranks;
  objective.loss_type = LossType::kBnpo;
  objective.anchor = RatioAnchor::kCurrent;
  return objective;
}

}  // namespace convrec::learner
