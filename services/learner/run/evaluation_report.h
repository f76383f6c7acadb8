// Turns sampled and evaluated lists into records of the run log. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "libs/domain/prompt.h"
#include "libs/domain/rollout.h"
#include "libs/report/records.h"

namespace convrec::learner {

// Fills in the statistics of a step that follow from its lists. At least one list.
void DescribeLists(const std::vector<const domain::Rollout*>& lists,
                   int num_ranks,
                   report::RlStep* step);

// Means over groups of one list each. The caller sets stage, split, step and seconds.
report::Evaluation SummariseEvaluation(const std::vector<domain::RolloutGroup>& groups,
                                       int num_ranks);

// The first `count` lists with their conversations.
std::vector<report::SampleList> PickSamples(const std::vector<domain::RolloutGroup>& groups,
                                            const std::vector<domain::Prompt>& prompts,
                                            const std::vector<std::string>& conversations,
                                            int count);

}  // namespace convrec::learner
