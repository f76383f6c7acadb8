// What a reader must know to judge a run's numbers, derived from the log itself.
#pragma once

#include <string>
#include <vector>

#include "libs/report/results.h"

namespace convrec::report {

// Full sentences, most important first: what got worse despite the gain, how certain a number is,
// what was not measured, what went wrong during the run.
std::vector<std::string> HonestNotes(const RunLog& log,
                                     const Results& results,
                                     const RunOutcome& outcome);

}  // namespace convrec::report
