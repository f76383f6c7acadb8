// Sample lists before and after reinforcement learning, side by side.
#pragma once

#include <string>

#include "libs/report/run_log.h"

namespace convrec::report {

// "" when the log holds no samples.
std::string RenderSamples(const RunLog& log);

}  // namespace convrec::report
