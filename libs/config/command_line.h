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

// Adds `--config FILE` (may be repeated), `key=value...` and `--help-keys`, which explains every
// key, or those of the sections that stand in place of key=value, and ends the program.
void AddConfigArguments(CLI::App* app, ConfigArguments* arguments);

struct ServiceArguments {
  RunOptions options;
  std::string name;     // --name: of this process in logs, metrics and ports files; may be empty.
  bool resume = false;  // --resume: go on from the newest checkpoint.
  bool overwrite = false;  // --overwrite: move a run in the folder aside and start a new one.
  bool allow_config_change = false;  // --allow-config-change: also by another configuration.
  bool allow_input_change = false;   // --allow-input-change: also with other files.
  // --resume-command: what a user types to go on with the run; by default this command itself with
  // --resume.
  std::string resume_command;
};

// Parses the arguments of a service, the flags above among them, loads the configuration, installs
// the stop signals and calls `run`. Prints an error as one sentence; returns the exit code of
// base/errors.h.
int RunService(int argc,
               char** argv,
               const std::string& binary,
               const std::string& purpose,
               const std::function<absl::Status(const ServiceArguments&)>& run);

}  // namespace convrec::config
