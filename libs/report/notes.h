// What a reader must know to judge a run's numbers, found in the log itself.
#pragma once

#include <string>
#include <vector>

#include "libs/report/results.h"

namespace convrec::report {

// Full sentences, the weightiest first: what got worse beside the gain, how sure a number is, what
// was not measured, what went wrong on the way.
std::vector<std::string> HonestNotes(const RunLog& log,
                                     const Results& results,
                                     const RunOutcome& outcome);

}  // namespace convrec::report
