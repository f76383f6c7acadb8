// The command line that every service shares.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "libs/config/run_options.h"

namespace convrec::config {

struct ServiceArguments {
  RunOptions options;
  std::string name;     // --name: of this process in logs, metrics and ports files; may be empty.
  bool resume = false;  // --resume: go on from the newest checkpoint.
  bool allow_config_change = false;  // --allow-config-change: also by another configuration.
};

// Parses `--config FILE... [--name NAME] [--resume] [--allow-config-change] [key=value...]`, loads
// the configuration, installs the stop signals and calls `run`. Prints an error as one sentence;
// returns the exit code of base/errors.h.
int RunService(int argc,
               char** argv,
               const std::string& binary,
               const std::string& purpose,
               const std::function<absl::Status(const ServiceArguments&)>& run);

}  // namespace convrec::config
