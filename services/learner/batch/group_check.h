// Whether a group can be used for training.
#pragma once

#include "absl/status/status.h"
#include "libs/domain/rollout.h"
#include "services/learner/batch/objective.h"

namespace convrec::learner {

// A well-formed group has at least one sibling. Each sibling has the same number of tokens,
// log-probabilities, ranks and versions; N finite rewards; finite log-probabilities; and ranks as
// the objective's counting records them.
absl::Status CheckGroup(const domain::RolloutGroup& group, const Objective& objective);

}  // namespace convrec::learner
