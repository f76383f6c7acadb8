#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/shell_command.h"
#include "libs/base/status_macros.h"
#include "libs/base/terminal.h"
#include "libs/base/usable_cores.h"
#include "libs/base/version.h"
#include "libs/config/command_line.h"
#include "libs/config/load.h"
#include "libs/config/print.h"
#include "libs/config/stored_config.h"
#include "libs/joins/run_joins.h"
#include "libs/report/format.h"
#include "libs/run_folder/earlier_run.h"
#include "libs/run_folder/folder_lock.h"
#include "libs/sample/sample_world.h"
#include "tools/convrec/host_memory.h"
#include "tools/convrec/launcher.h"
#include "tools/convrec/libtorch.h"
#include "tools/convrec/programs.h"
#include "tools/convrec/run_folder.h"
#include "tools/convrec/run_plan.h"
#include "tools/convrec/run_report.h"
#include "tools/convrec/service_command.h"
#include "tools/convrec/verbs.h"

namespace convrec::cli {
namespace {

struct TrainArguments {
  config::ConfigArguments config;
  RunFolderRequest folder;
  std::string binaries_dir;
  bool allow_input_change = false;
  double start_timeout_s = 600;
  bool is_dry_run = false;
  bool prints_config = false;
  bool is_verbose = false;
};

// `convrec train --resume RUN`: a word that is no key=value names the run's folder.
config::ConfigArguments WithRunFolder(const TrainArguments& arguments) {
  config::ConfigArguments config = arguments.config;
  if (!arguments.folder.resume) return config;
  for (std::string& word : config.overrides) {
    if (!absl::StrContains(word, '=')) word = TextOverride("run_dir", word);
  }
  return config;
}

// --resume without a file goes on with the configuration of the run itself.
absl::StatusOr<config::RunOptions> LoadOptions(const TrainArguments& arguments) {
  const config::ConfigArguments config = WithRunFolder(arguments);
  CR_ASSIGN_OR_RETURN(config::RunOptions options,
                      config::LoadRunOptions(config.files, config.overrides));
  const std::string stored = config::StoredConfigPath(options.run_dir);
  if (!arguments.folder.resume || !config.files.empty() || !base::FileExists(stored))
    return options;
  const std::string run_dir = options.run_dir;
  CR_ASSIGN_OR_RETURN(options, config::LoadRunOptions({stored}, config.overrides));
  options.run_dir = run_dir;
  return options;
}

std::string BinariesOf(const TrainArguments& arguments) {
  return arguments.binaries_dir.empty() ? BinaryFolder() : arguments.binaries_dir;
}

// As a user types it, from any folder.
std::string ResumeCommand(const TrainArguments& arguments, const std::string& run_dir) {
  std::vector<std::string> words = {CommandName(), "train", "--resume", run_dir};
  if (!arguments.binaries_dir.empty()) {
    words.push_back("--binaries");
    words.push_back(std::filesystem::absolute(arguments.binaries_dir).lexically_normal().string());
  }
  return base::ShellCommand(words);
}

std::string AbsoluteRunDir(const config::RunOptions& options) {
  return std::filesystem::absolute(options.run_dir).lexically_normal().string();
}

Launcher::Options LauncherOptionsOf(const TrainArguments& arguments, const RunFolder& folder) {
  Launcher::Options options;
  options.run_dir = folder.options.run_dir;
  options.config_path = config::StoredConfigPath(options.run_dir);
  options.binaries_dir = BinariesOf(arguments);
  options.num_workers = folder.options.rollout.workers;
  options.resume = folder.is_resumed;
  options.is_verbose = arguments.is_verbose;
  options.resume_command = ResumeCommand(arguments, options.run_dir);
  options.add_worker_command = base::ShellCommand({CommandName(), "add-worker", options.run_dir});
  options.learner_flags = {"--resume-command", options.resume_command};
  if (arguments.allow_input_change) options.learner_flags.push_back("--allow-input-change");
  options.hang.hung_after = folder.options.rollout.hang_timeout;
  options.start_timeout = absl::Seconds(arguments.start_timeout_s);
  const int num_cores = base::UsableCores();
  if (folder.options.rollout.threads == 0 && options.num_workers > 1) {
    // Workers on one machine share its cores instead of each taking all of them.
    options.rollout_overrides.push_back(
        absl::StrCat("rollout.threads=", std::max(1, num_cores / options.num_workers)));
  }
  return options;
}

// Shows the table and writes what outlasts the run; an error here does not change how the job
// ended.
void Conclude(const RunFolder& folder, const report::RunOutcome& outcome) {
  const std::string& run_dir = folder.options.run_dir;
  absl::Status status = WriteRunSummary(run_dir, outcome);
  if (!status.ok()) CR_LOG(ERROR) << status.message();
  if (!base::FileExists(base::JoinPath(run_dir, "metrics.jsonl"))) return;
  const absl::StatusOr<std::string> table = WriteRunReport(run_dir, folder.options, outcome);
  if (!table.ok()) {
    CR_LOG(ERROR) << table.status().message();
    return;
  }
  const std::string text = absl::StrCat("\n",
                                        *table,
                                        "\n",
                                        report::Seconds(outcome.seconds),
                                        " in all; report in ",
                                        base::JoinPath(run_dir, "report.html"),
                                        "\n");
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  status = base::AppendToFile(base::JoinPath(run_dir, "log.txt"), text);
  if (!status.ok()) CR_LOG(WARNING) << status.message();
}

// The model's shape; what is used otherwise than its files say is logged.
absl::StatusOr<model::ModelConfig> CheckModel(const config::RunOptions& options) {
  CR_ASSIGN_OR_RETURN(model::ModelDirectory model, sample::CheckModelOf(options));
  for (const std::string& warning : model.warnings) CR_LOG(WARNING) << warning;
  return std::move(model.config);
}

std::string RenderFindings(const std::vector<joins::Finding>& findings, const std::string& prefix) {
  std::string text = findings.empty() ? "" : absl::StrCat(prefix, "\n");
  for (const joins::Finding& finding : findings)
    absl::StrAppend(&text, prefix, joins::Sentence(finding), ".\n");
  return text;
}

std::string DescribeFolder(const std::string& run_dir) {
  if (run_folder::HoldsRun(run_dir)) return " (holds a run: --resume goes on with it)";
  return run_folder::HoldsAnything(run_dir) ? " (holds what a start without a checkpoint has left)"
                                            : "";
}

// NotFound for programs that are not where they would be started.
absl::Status CheckPrograms(const std::string& directory) {
  const std::vector<std::string> missing = MissingPrograms(directory, kTrainRoles);
  if (missing.empty()) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(absl::StrJoin(missing, ", "),
                                          " not in ",
                                          directory,
                                          "; tools/build builds them, --binaries names another "
                                          "folder"));
}

// What would be started, and by what.
std::string DescribePrograms(const std::string& directory,
                             const config::RunOptions& options,
                             const std::string& prefix) {
  return absl::StrCat(prefix,
                      "Programs: convrec-learner, convrec-reward and ",
                      options.rollout.workers,
                      " x convrec-rollout, all in ",
                      directory,
                      "\n",
                      prefix,
                      "Started by: ",
                      CommandName(),
                      " (",
                      base::VersionText(),
                      ")\n");
}

// Prints what would run, and nothing else happens: opens no port and writes no file. With
// --print-config the output is a configuration file, in which the summary is a comment.
absl::StatusOr<int> DryRun(const TrainArguments& arguments, const config::RunOptions& options) {
  PlanFacts facts;
  CR_ASSIGN_OR_RETURN(facts.model, CheckModel(options));
  facts.num_available_bytes = ReadHostMemory().available_bytes;
#if defined(__x86_64__)
  facts.has_native_bfloat16 = __builtin_cpu_supports("avx512bf16");
#endif
  for (const std::string& path : {options.data.catalog,
                                  options.data.sft.path,
                                  options.data.train.path,
                                  options.data.validation.path,
                                  options.data.test.path}) {
    if (!path.empty() && !base::FileExists(path)) {
      return base::BadConfig(
          absl::StrCat(path, " does not exist, expected a file of the run's data"));
    }
  }
  std::error_code error;
  if (!options.data.catalog.empty()) {
    facts.num_catalog_bytes =
        static_cast<int64_t>(std::filesystem::file_size(options.data.catalog, error));
  }
  CR_ASSIGN_OR_RETURN(const RunPlan plan, MakeRunPlan(options, facts));
  const std::vector<joins::Finding> findings = joins::CheckRun(options);
  const std::string prefix = arguments.prints_config ? "# " : "";
  const std::string run_dir = AbsoluteRunDir(options);
  std::string text = absl::StrCat(prefix, "Run ", options.name, " in ", run_dir);
  absl::StrAppend(&text,
                  DescribeFolder(run_dir),
                  "\n",
                  prefix,
                  config::DescribeEstimator(options),
                  "\n",
                  prefix,
                  "\n",
                  RenderPlan(plan, facts, prefix),
                  RenderFindings(findings, prefix),
                  prefix,
                  "\n",
                  DescribePrograms(BinariesOf(arguments), options, prefix));
  if (arguments.prints_config) {
    absl::StrAppend(&text, "\n", config::PrintYaml(options));
  } else {
    absl::StrAppend(&text, "Every key with its value: --print-config\n");
  }
  std::fputs(text.c_str(), stdout);
  CR_RETURN_IF_ERROR(joins::FirstFault(findings));
  CR_RETURN_IF_ERROR(CheckFits(plan, facts));
  CR_RETURN_IF_ERROR(CheckPrograms(BinariesOf(arguments)));
  return base::kExitOk;
}

absl::StatusOr<int> Train(const TrainArguments& arguments) {
  CR_ASSIGN_OR_RETURN(const config::RunOptions options, LoadOptions(arguments));
  if (arguments.is_dry_run) return DryRun(arguments, options);
  CR_RETURN_IF_ERROR(CheckModel(options).status());
  const std::vector<joins::Finding> findings = joins::CheckRun(options);
  CR_RETURN_IF_ERROR(joins::FirstFault(findings));
  for (const char* name : {"convrec-learner", "convrec-rollout"})
    CR_RETURN_IF_ERROR(ProvideLibTorch(base::JoinPath(BinariesOf(arguments), name)));
  CR_ASSIGN_OR_RETURN(const run_folder::FolderLock lock,
                      run_folder::FolderLock::Take(options.run_dir, run_folder::Writer::kLauncher));
  RunFolderRequest request = arguments.folder;
  request.resume_command = ResumeCommand(arguments, AbsoluteRunDir(options));
  CR_ASSIGN_OR_RETURN(const RunFolder folder, PrepareRunFolder(options, request));
  report::RunOutcome outcome = OutcomeOf(folder.options);
  outcome.seconds = folder.earlier_seconds;
  if (folder.is_finished) {
    std::fprintf(stdout, "%s is finished; nothing to do.\n", folder.options.run_dir.c_str());
    outcome.is_finished = true;
    Conclude(folder, outcome);
    return base::kExitOk;
  }

  ProcessSignals signals;
  const bool is_terminal = base::RewritesLines(STDOUT_FILENO);
  const base::Clock* clock = base::Clock::Real();
  const absl::Time start = clock->Now();
  absl::StatusOr<int> code = base::kExitBug;
  {
    report::ProgressDisplay display(
        {.is_terminal = is_terminal, .log_path = base::JoinPath(folder.options.run_dir, "log.txt")},
        stdout,
        clock);
    display.Note(absl::StrCat(folder.is_resumed ? "resuming " : "",
                              "run ",
                              folder.options.name,
                              " in ",
                              folder.options.run_dir));
    display.Note(config::DescribeEstimator(folder.options));
    for (const joins::Finding& finding : findings) display.Note(joins::Sentence(finding));
    code = Launcher(LauncherOptionsOf(arguments, folder), &signals, &display, clock).Run();
  }
  outcome.seconds += absl::ToDoubleSeconds(clock->Now() - start);
  outcome.exit_code = code.ok() ? *code : base::ExitCodeOf(code.status());
  outcome.is_finished = outcome.exit_code == base::kExitOk;
  Conclude(folder, outcome);
  return code;
}

constexpr char kFooter[] =
    "Starts the reward service, the learner and rollout.workers rollout workers as processes on "
    "loopback ports,\n"
    "shows progress, and writes "
    "run_dir/{config.yaml,metrics.jsonl,log.txt,logs/,report.html,summary.json} and the\n"
    "learner's checkpoints. Ctrl-C stops with a checkpoint; a second one kills.\n"
    "Examples:\n"
    "  convrec train                                              the embedded sample with "
    "default settings\n"
    "  convrec train --config run.yaml learner.steps=200 run_dir=runs/long\n"
    "  convrec train --resume runs/long";

}  // namespace

void AddTrainVerb(CLI::App* app, Action* action) {
  CLI::App* verb = app->add_subcommand("train", "Run the whole job on this machine.");
  auto arguments = std::make_shared<TrainArguments>();
  AddConfigArguments(verb, &arguments->config);
  CLI::Option* const resume = verb->add_flag(
      "--resume",
      arguments->folder.resume,
      "Go on with the run in run_dir, or in the folder that follows, from its newest checkpoint; "
      "without --config by its own configuration.");
  verb->add_flag(
      "--allow-config-change",
      arguments->folder.allow_config_change,
      "Let a resumed run take a configuration that differs from the one it was started with.");
  verb->add_flag("--overwrite",
                 arguments->folder.overwrite,
                 "Move the run that run_dir holds to run_dir/earlier-N and start a new one.")
      ->excludes(resume);
  verb->add_flag("--allow-input-change",
                 arguments->allow_input_change,
                 "Let a resumed run go on with other data, catalog, model or tokenizer files than "
                 "it was started with, or without its log.");
  verb->add_flag("--dry-run",
                 arguments->is_dry_run,
                 "Print what the run would be: sizes, an estimate of the memory of every process, "
                 "and the programs; nothing is started or written.");
  verb->add_flag("--print-config",
                 arguments->prints_config,
                 "With --dry-run: print the resolved configuration too; the output is a "
                 "configuration file.")
      ->needs("--dry-run");
  verb->add_flag("-v,--verbose",
                 arguments->is_verbose,
                 "Show the command line of every process that is started.");
  verb->add_option("--binaries",
                   arguments->binaries_dir,
                   "Folder of convrec-learner, convrec-rollout and "
                   "convrec-reward; default: that of this binary.")
      ->type_name("DIR");
  verb->add_option("--start-timeout",
                   arguments->start_timeout_s,
                   "Seconds until the services must have their ports.")
      ->check(CLI::PositiveNumber)
      ->type_name("S");
  verb->footer(kFooter);
  verb->callback([arguments, action] {
    *action = [arguments] {
      const absl::StatusOr<int> code = Train(*arguments);
      return code.ok() ? *code : Fail(code.status());
    };
  });
}

}  // namespace convrec::cli
