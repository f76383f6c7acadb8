// The objective that a configuration describes.
#pragma once

#include "libs/config/run_options.h"
#include "services/learner/batch/objective.h"

namespace convrec::learner {

Objective ObjectiveOf(const config::RunOptions& options);

}  // namespace convrec::learner
