// The command lines of programs that have a configuration.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "libs/config/run_options.h"

namespace CLI {
class App;
}

namespace convrec::config {

struct ConfigArguments {
  std::vector<std::string> files;
  std::vector<std::string> overrides;
};

// Adds `--config FILE` (may be repeated), `key=value...` and `--help-keys`. The latter explains
// every key, or those of the sections given in place of key=value, and ends the program.
void AddConfigArguments(CLI::App* app, ConfigArguments* arguments);

struct ServiceArguments {
  RunOptions options;
  std::string name;        // --name: this process in logs, metrics and ports files; may be empty.
  bool resume = false;     // --resume: continue from the newest checkpoint.
  bool overwrite = false;  // --overwrite: move an existing run aside and start a new one.
  bool allow_config_change = false;  // --allow-config-change: even with another configuration.
  bool allow_input_change = false;   // --allow-input-change: even with other input files.
  // --resume-command: what a user types to continue the run; by default this command itself with
  // --resume.
  std::string resume_command;
};

// Parses the arguments of a service, including the flags above, loads the configuration, installs
// the stop signals and calls `run`. Prints an error as one sentence and returns the exit code of
// base/errors.h.
int RunService(int argc,
               char** argv,
               const std::string& binary,
               const std::string& purpose,
               const std::function<absl::Status(const ServiceArguments&)>& run);

}  // namespace convrec::config
