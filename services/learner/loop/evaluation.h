// An evaluation as all ranks see it.
#pragma once

#include "absl/status/status.h"
#include "libs/report/records.h"
#include "services/learner/loop/learner_parts.h"

namespace convrec::learner {

// The leader evaluates, the others wait for it. Then all save the policy if it has validated best
// and would be lost otherwise. Cancelled on all ranks when a stop cuts the evaluation short.
absl::Status EvaluateOnLeader(LearnerParts* parts, report::Stage stage, report::Split split);

}  // namespace convrec::learner
