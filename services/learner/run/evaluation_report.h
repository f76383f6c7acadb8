// From evaluated groups to what the run log says about them. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "libs/domain/prompt.h"
#include "libs/domain/rollout.h"
#include "libs/report/records.h"

namespace convrec::learner {

// Counts over lists and their lines that steps and evaluations share; shares are of all lines
// (ranks past N included) or of all lists.
struct ListCensus {
  int64_t lists = 0;
  double lines = 0;        // Mean per list.
  double exact_ratio = 0;  // Lists of exactly N ranks.
  double repeat_ratio = 0;
  double off_catalog_ratio = 0;
  double malformed_ratio = 0;
  double seen_ratio = 0;
  double truncated_ratio = 0;        // Lists cut at the token limit.
  double ended_ratio = 0;            // Lists that end by a stop token.
  double hits = 0;                   // Mean per list, within the first N ranks.
  std::vector<double> hits_by_rank;  // N: share of lists with a hit at the rank.
};
ListCensus CountLists(const std::vector<const domain::Rollout*>& rollouts, int num_ranks);

// Means over groups of one list each. Stage, split, step and seconds are the caller's.
report::Evaluation SummariseEvaluation(const std::vector<domain::RolloutGroup>& groups,
                                       int num_ranks);

// The first `count` lists with their conversations.
std::vector<report::SampleList> PickSamples(const std::vector<domain::RolloutGroup>& groups,
                                            const std::vector<domain::Prompt>& prompts,
                                            const std::vector<std::string>& conversations,
                                            int count);

}  // namespace convrec::learner
