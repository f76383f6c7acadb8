// Whether a group can be trained on at all.
#pragma once

#include "absl/status/status.h"
#include "libs/domain/rollout.h"
#include "services/learner/batch/objective.h"

namespace convrec::learner {

// Well-formed: at least one sibling; per sibling equally many tokens, log-probabilities,
// ranks and versions, N finite rewards, finite log-probabilities, and ranks as the objective's
// counting records them.
absl::Status CheckGroup(const domain::RolloutGroup& group, const Objective& objective);

}  // namespace convrec::learner
