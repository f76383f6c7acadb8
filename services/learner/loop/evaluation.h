// An evaluation, on all ranks.
#pragma once

#include "absl/status/status.h"
#include "libs/report/records.h"
#include "services/learner/loop/learner_parts.h"

namespace convrec::learner {

// The leader evaluates while the others wait for it. Then all ranks save the policy if it has
// validated best and has no checkpoint. Cancelled on all ranks when a stop cuts the evaluation
// short.
absl::Status EvaluateOnLeader(LearnerParts* parts, report::Stage stage, report::Split split);

}  // namespace convrec::learner
