// The steps and evaluations of a run as comma-separated tables.
#pragma once

#include <string>
#include <vector>

#include "libs/report/records.h"

namespace convrec::report {

// A header line, then one line per record. A vector becomes one column per entry, numbered from 1
// ("reward_by_rank_1"), an array at the cutoffs one column per cutoff up to N ("ndcg_5"). The
// longest vector determines the number of columns; a value that is missing or not finite is empty.
std::string ToCsv(const std::vector<SftStep>& steps);
std::string ToCsv(const std::vector<RlStep>& steps);
std::string ToCsv(const std::vector<Evaluation>& evaluations);

}  // namespace convrec::report
