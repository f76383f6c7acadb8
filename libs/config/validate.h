// Ranges and rules across keys that a configuration must keep.
#pragma once

#include "absl/status/status.h"
#include "libs/config/run_options.h"

namespace convrec::config {

// The first broken rule as BadConfig, with key, value and what was expected. LoadRunOptions calls it.
absl::Status ValidateRunOptions(const RunOptions& options);

}  // namespace convrec::config
