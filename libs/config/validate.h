// Ranges and rules across keys that a configuration must keep.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "libs/config/run_options.h"
#include "libs/config/violation.h"

namespace convrec::config {

// The first broken rule, in the order of the schema.
std::optional<Violation> FindViolation(const RunOptions& options);

// The same as BadConfig with key, value and what was expected. LoadRunOptions calls it.
absl::Status ValidateRunOptions(const RunOptions& options);

}  // namespace convrec::config
