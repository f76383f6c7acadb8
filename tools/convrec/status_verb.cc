#include <signal.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/shell_command.h"
#include "libs/base/status_macros.h"
#include "libs/checkpoint/manifest.h"
#include "libs/config/stored_config.h"
#include "libs/report/activity.h"
#include "libs/report/progress_line.h"
#include "libs/report/run_log.h"
#include "libs/run_folder/earlier_run.h"
#include "tools/convrec/programs.h"
#include "tools/convrec/verbs.h"

namespace convrec::cli {
namespace {

bool IsAlive(int pid) { return pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM); }

// The last step of the log, as the progress line shows it.
absl::StatusOr<std::string> LastStep(const std::string& run_dir) {
  const std::string path = base::JoinPath(run_dir, "metrics.jsonl");
  if (!base::FileExists(path)) return std::string("no step yet");
  CR_ASSIGN_OR_RETURN(const report::RunLog log, report::ReadRunLog(path));
  if (!log.rl_steps.empty()) return report::FormatProgress(log.rl_steps.back(), 0);
  if (log.sft_steps.empty()) return std::string("no step yet");
  const report::SftStep& step = log.sft_steps.back();
  const auto left = static_cast<double>(step.total_steps - step.step);
  return report::FormatProgress(step, left * step["seconds"], 0);
}

absl::StatusOr<std::string> Checkpoint(const std::string& run_dir) {
  CR_ASSIGN_OR_RETURN(const std::string name,
                      checkpoint::NewestName(checkpoint::CheckpointRoot(run_dir)));
  return name.empty() ? "none yet" : name;
}

absl::Status PrintStatus(const std::string& folder) {
  const std::string run_dir = std::filesystem::absolute(folder).lexically_normal().string();
  CR_ASSIGN_OR_RETURN(const auto stored, config::LoadStoredConfig(run_dir));
  if (!stored) {
    return base::BadConfig(
        absl::StrCat(run_dir, " is no run: ", config::StoredConfigPath(run_dir), " is missing"));
  }
  CR_ASSIGN_OR_RETURN(const std::string step, LastStep(run_dir));
  CR_ASSIGN_OR_RETURN(const std::string checkpoint, Checkpoint(run_dir));
  std::string text = absl::StrCat("Run ", stored->name, " in ", run_dir);
  absl::StrAppend(&text, "\nLast step:   ", step, "\nCheckpoint:  ", checkpoint, "\n");
  const auto activity = report::ReadActivity(run_dir);
  if (!activity.ok() && !absl::IsNotFound(activity.status())) return activity.status();
  if (activity.ok() && IsAlive(activity->pid)) {
    absl::StrAppend(&text,
                    "Under work:  ",
                    report::FormatActivity(*activity),
                    " (process ",
                    activity->pid,
                    ")\nOne more worker: ",
                    base::ShellCommand({CommandName(), "add-worker", run_dir}),
                    "\n");
  } else {
    absl::StrAppend(&text, "Under work:  nothing; no learner of this run is at work here\n");
    if (run_folder::HoldsRun(run_dir)) {
      absl::StrAppend(&text,
                      "To go on: ",
                      base::ShellCommand({CommandName(), "train", "--resume", run_dir}),
                      "\n");
    }
  }
  std::fputs(text.c_str(), stdout);
  return absl::OkStatus();
}

}  // namespace

void AddStatusVerb(CLI::App* app, Action* action) {
  CLI::App* verb = app->add_subcommand(
      "status", "Say where a run stands, what is under work and who is waited for.");
  auto run_dir = std::make_shared<std::string>();
  verb->add_option("run_dir", *run_dir, "Folder of the run.")->required()->type_name("RUN");
  verb->footer(
      "Also of a run that is at work, from any terminal.\n"
      "Example:\n  convrec status runs/first");
  verb->callback([run_dir, action] {
    *action = [run_dir] {
      const absl::Status status = PrintStatus(*run_dir);
      return status.ok() ? static_cast<int>(base::kExitOk) : Fail(status);
    };
  });
}

}  // namespace convrec::cli
