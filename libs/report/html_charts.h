// The charts of the report page, as <figure> elements; "" where the log has no data for them.
#pragma once

#include <string>

#include "libs/report/results.h"

namespace convrec::report {

// Quality of the lists: evaluations, rewards, hits.
std::string QualityCharts(const RunLog& log, const Results& results);
// Other properties of the lists.
std::string ListCharts(const RunLog& log);
// How the policy changes.
std::string OptimisationCharts(const RunLog& log);
// Where time is spent and how fresh the data is.
std::string SystemCharts(const RunLog& log);
// The stage before reinforcement learning.
std::string SftCharts(const RunLog& log);

}  // namespace convrec::report
