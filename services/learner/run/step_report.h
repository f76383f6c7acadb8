// Turns a trained step into records of the run log and metrics. Pure functions.
#pragma once

#include <vector>

#include "libs/report/records.h"
#include "services/learner/batch/training_batch.h"
#include "services/learner/train/step_stats.h"

namespace convrec::learner {

// The caller sets the position of the step and the total.
report::SftStep SummariseSftStep(const SftStats& stats, double seconds);

// Everything that follows from the step's groups and statistics. The caller sets versions, totals,
// and the times of waiting, publishing and the whole step.
report::RlStep SummariseStep(const StepStats& stats,
                             const std::vector<PromptedGroup>& groups,
                             const Objective& objective);

// What follows from the time of the whole step and the time spent waiting for groups.
void SetTimes(double wait_s, double seconds, report::RlStep* step);

}  // namespace convrec::learner
