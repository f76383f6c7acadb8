// From sampled and evaluated lists to what the run log says about them. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "libs/domain/prompt.h"
#include "libs/domain/rollout.h"
#include "libs/report/records.h"

namespace convrec::learner {

// What a step's lists say of its statistics. At least one list.
void DescribeLists(const std::vector<const domain::Rollout*>& lists,
                   int num_ranks,
                   report::RlStep* step);

// Means over groups of one list each. Stage, split, step and seconds are the caller's.
report::Evaluation SummariseEvaluation(const std::vector<domain::RolloutGroup>& groups,
                                       int num_ranks);

// The first `count` lists with their conversations.
std::vector<report::SampleList> PickSamples(const std::vector<domain::RolloutGroup>& groups,
                                            const std::vector<domain::Prompt>& prompts,
                                            const std::vector<std::string>& conversations,
                                            int count);

}  // namespace convrec::learner
