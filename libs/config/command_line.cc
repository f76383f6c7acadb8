#include "libs/config/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <vector>

#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/program.h"
#include "libs/base/stop_signal.h"
#include "libs/config/load.h"

namespace convrec::config {

int RunService(int argc,
               char** argv,
               const std::string& binary,
               const std::string& purpose,
               const std::function<absl::Status(const ServiceArguments&)>& run) {
  CLI::App app{purpose, binary};
  std::vector<std::string> files;
  std::vector<std::string> overrides;
  ServiceArguments arguments;
  app.add_option("-c,--config", files, "Configuration file in YAML; later files win.")
      ->allow_extra_args(false);
  app.add_option(
      "--name", arguments.name, "Name of this process in logs, metrics and ports files.");
  app.add_flag("--resume", arguments.resume, "Go on from the newest checkpoint of the run folder.");
  app.add_flag(
      "--allow-config-change",
      arguments.allow_config_change,
      "Let a resumed run take a configuration that differs from the one it was started with.");
  app.add_option("overrides", overrides, "key=value, as in learner.steps=100.");
  app.footer("`convrec config` prints every key with its comment and its value.\nExample: " +
             binary + " --config run.yaml telemetry.metrics_listen=0.0.0.0:9464");
  if (const auto code = base::ParseCommandLine(&app, argc, argv)) return *code;
  absl::StatusOr<RunOptions> options = LoadRunOptions(files, overrides);
  absl::Status status = options.status();
  if (status.ok()) {
    arguments.options = *std::move(options);
    base::SetLogRole(arguments.name.empty() ? binary : arguments.name);
    base::InstallStopSignals();
    try {
      status = run(arguments);
    } catch (const std::exception& error) {
      status = absl::InternalError(std::string("unexpected exception: ") + error.what());
    }
  }
  if (!status.ok()) CR_LOG(ERROR) << status.message();
  return base::ExitCodeOf(status);
}

}  // namespace convrec::config
