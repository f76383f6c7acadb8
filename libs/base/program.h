// What main() of every command-line program does around its own work.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "libs/base/completion.h"

namespace CLI {
class App;
}

namespace convrec::base {

// Parses into the options of `app`, to which it adds --version. nullopt = continue. Otherwise the
// exit code, after printing: kExitOk for --help, --version and a shell that asks for completions
// (`keys` completes key=value), kExitUsage for a wrong command line.
std::optional<int> ParseCommandLine(CLI::App* app,
                                    int argc,
                                    char** argv,
                                    const KeyCompletion& keys = {});

// Runs `body` and returns its exit code. An error, or an exception that escapes it, is printed to
// standard error after "name: " and becomes its exit code of errors.h.
int RunProgram(const std::string& name, const std::function<absl::StatusOr<int>()>& body);

}  // namespace convrec::base
