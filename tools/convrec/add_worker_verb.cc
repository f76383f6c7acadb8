#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/config/stored_config.h"
#include "libs/telemetry/ports_file.h"
#include "tools/convrec/libtorch.h"
#include "tools/convrec/programs.h"
#include "tools/convrec/service_command.h"
#include "tools/convrec/verbs.h"

namespace convrec::cli {
namespace {

struct AddWorkerArguments {
  std::string run_dir;
  std::string name;
  std::vector<std::string> overrides;
};

// The port of a service of the run that is at work now.
absl::StatusOr<int> PortOf(const std::string& service, const std::string& run_dir) {
  const auto ports = telemetry::ReadPortsFile(base::JoinPath(run_dir, "ports"), service);
  const bool is_missing = absl::IsNotFound(ports.status());
  if (!ports.ok() && !is_missing) return ports.status();
  if (is_missing || (::kill(ports->pid, 0) != 0 && errno == ESRCH)) {
    return absl::UnavailableError(absl::StrCat(
        "no ", service, " of ", run_dir, " is at work on this machine; convrec train starts it"));
  }
  return ports->grpc;
}

absl::Status AddWorker(const AddWorkerArguments& arguments) {
  const std::string run_dir =
      std::filesystem::absolute(arguments.run_dir).lexically_normal().string();
  const std::string config = config::StoredConfigPath(run_dir);
  if (!base::FileExists(config))
    return base::BadConfig(absl::StrCat(run_dir, " is no run: ", config, " is missing"));
  CR_ASSIGN_OR_RETURN(const int learner_port, PortOf("learner", run_dir));
  CR_ASSIGN_OR_RETURN(const int reward_port, PortOf("reward", run_dir));
  std::vector<std::string> overrides = WorkerOverrides(learner_port, reward_port);
  overrides.insert(overrides.end(), arguments.overrides.begin(), arguments.overrides.end());
  // A name of its own: joining under another worker's name would end that one.
  const std::string name =
      arguments.name.empty() ? absl::StrCat("added-", ::getpid()) : arguments.name;
  std::vector<std::string> command =
      ServiceCommand({.binaries_dir = BinaryFolder(), .config_path = config, .run_dir = run_dir},
                     "rollout",
                     name,
                     {},
                     overrides);
  CR_RETURN_IF_ERROR(ProvideLibTorch(command[0]));
  std::vector<char*> pointers;
  for (std::string& word : command) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execv(pointers[0], pointers.data());
  return base::ErrnoStatus(errno, absl::StrCat("cannot start ", command[0]));
}

}  // namespace

void AddAddWorkerVerb(CLI::App* app, Action* action) {
  CLI::App* verb = app->add_subcommand(
      "add-worker", "Replace this process by one more rollout worker of a run on this machine.");
  auto arguments = std::make_shared<AddWorkerArguments>();
  verb->add_option("run_dir", arguments->run_dir, "Folder of a run that is at work.")
      ->required()
      ->type_name("RUN");
  verb->add_option("overrides",
                   arguments->overrides,
                   "Values that differ from the run's, as in rollout.threads=2.")
      ->type_name("key=value");
  verb->add_option("--name", arguments->name, "Name of the worker; default: added-PID.");
  verb->footer(
      "The worker ends with the run, or by Ctrl-C; what it had leased is handed out again.\n"
      "docs/training.md says how to add one on another machine.\n"
      "Example:\n  convrec add-worker runs/first rollout.threads=2");
  verb->callback(
      [arguments, action] { *action = [arguments] { return Fail(AddWorker(*arguments)); }; });
}

}  // namespace convrec::cli
