// From a trained step to what the run log and the boards say about it. Pure functions.
#pragma once

#include <vector>

#include "libs/report/records.h"
#include "services/learner/batch/training_batch.h"
#include "services/learner/run/learner_metrics.h"
#include "services/learner/train/step_stats.h"

namespace convrec::learner {

// Everything the step's groups and statistics say; times of waiting and publishing, versions and
// totals are the caller's.
report::RlStep SummariseStep(const StepStats& stats,
                             const std::vector<PromptedGroup>& groups,
                             const Objective& objective);

StepDetail DetailOf(const StepStats& stats, const TrainingBatch& batch);

}  // namespace convrec::learner
