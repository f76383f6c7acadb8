// The output of a short-lived command.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace convrec::cli {

// Runs `arguments` (the first is searched for on PATH) with `variables` ("NAME=value") added to the
// environment, and returns its standard output; standard error is dropped. Blocks until the command
// has ended. NotFound if there is no such command, FailedPrecondition if its exit code is not 0.
absl::StatusOr<std::string> CommandOutput(const std::vector<std::string>& arguments,
                                          const std::vector<std::string>& variables = {});

}  // namespace convrec::cli
