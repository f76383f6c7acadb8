// From a trained step to what the run log and the boards say about it. Pure functions.
#pragma once

#include <vector>

#include "libs/report/records.h"
#include "services/learner/batch/training_batch.h"
#include "services/learner/train/step_stats.h"

namespace convrec::learner {

// The place of the step and its total are the caller's.
report::SftStep SummariseSftStep(const SftStats& stats, double seconds);

// Everything the step's groups and statistics say; the times of waiting, publishing and the whole
// step, versions and totals are the caller's.
report::RlStep SummariseStep(const StepStats& stats,
                             const std::vector<PromptedGroup>& groups,
                             const Objective& objective);

// What follows from the time of the whole step and the part of it spent waiting for groups.
void SetTimes(double wait_s, double seconds, report::RlStep* step);

}  // namespace convrec::learner
