// What a short-lived command prints.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace convrec::cli {

// Runs `arguments` (the first is searched for on PATH) with `variables` ("NAME=value") added to the
// environment, and returns its standard output; standard error is dropped. Blocks until the command
// has ended. NotFound when there is no such command, FailedPrecondition when it ends otherwise than
// with exit code 0.
absl::StatusOr<std::string> CommandOutput(const std::vector<std::string>& arguments,
                                          const std::vector<std::string>& variables = {});

}  // namespace convrec::cli
