// The cutoffs at which a run is shown: none beyond N, the length of its lists.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libs/report/records.h"

namespace convrec::report {

// As domain::ShownCutoffs() for the N of the evaluation; entry i belongs to entry i of its lists
// at cutoffs.
std::vector<int> CutoffsOf(const Evaluation& evaluation);

// "NDCG@20", or "NDCG@10" for lists of 10 ranks.
std::string AtLast(const std::string& name, const Evaluation& evaluation);

}  // namespace convrec::report
