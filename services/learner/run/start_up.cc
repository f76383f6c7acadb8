#include "services/learner/run/start_up.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/config/stored_config.h"
#include "services/learner/folder/input_digests.h"
#include "services/learner/folder/open_run_folder.h"
#include "services/learner/folder/run_identity.h"

namespace convrec::learner {
namespace {

// What the run was started with is compared with, and kept for, its resumed starts.
absl::Status KeepConfig(const config::ServiceArguments& arguments) {
  const config::RunOptions& options = arguments.options;
  CR_ASSIGN_OR_RETURN(const std::optional<config::RunOptions> stored,
                      config::LoadStoredConfig(options.run_dir));
  if (!stored) return config::StoreConfig(options);
  if (arguments.resume) {
    CR_RETURN_IF_ERROR(config::CheckUnchanged(*stored,
                                              options,
                                              arguments.allow_config_change
                                                  ? config::ConfigChange::kAllowed
                                                  : config::ConfigChange::kRefused));
  }
  // The file of `convrec train` differs in addresses only and stays as it is.
  const bool is_unchanged =
      config::CheckUnchanged(*stored, options, config::ConfigChange::kRefused).ok();
  return is_unchanged ? absl::OkStatus() : config::StoreConfig(options);
}

EarlierRun EarlierRunOf(const config::ServiceArguments& arguments) {
  if (arguments.overwrite) return EarlierRun::kMovedAside;
  return arguments.resume ? EarlierRun::kResumed : EarlierRun::kRefused;
}

// Before anything of the run is changed: what the checkpoint needs is there, and the run's files
// are those that it was started with. Those that differ with the user's consent, in sentences.
absl::StatusOr<std::vector<std::string>> CheckFiles(const config::ServiceArguments& arguments,
                                                    RunStart* start) {
  const std::string& run_dir = arguments.options.run_dir;
  const InputDigests earlier = std::move(start->state.inputs);
  if (start->resumed) {
    CR_RETURN_IF_ERROR(CheckRunFiles(
        run_dir, arguments.allow_input_change ? MissingFiles::kAllowed : MissingFiles::kRefused));
  }
  CR_ASSIGN_OR_RETURN(start->state.inputs, DigestInputs(arguments.options));
  if (start->resumed) {
    return CheckInputs(
        run_dir,
        earlier,
        start->state.inputs,
        arguments.allow_input_change ? InputChange::kAllowed : InputChange::kRefused);
  }
  CR_RETURN_IF_ERROR(StoreInputs(run_dir, start->state.inputs));
  return std::vector<std::string>();
}

absl::Status FindCheckpoint(const std::string& run_dir, RunStart* start) {
  CR_ASSIGN_OR_RETURN(start->resumed,
                      checkpoint::LoadNewestCheckpoint(checkpoint::CheckpointRoot(run_dir)));
  if (!start->resumed) {
    CR_LOG(WARNING) << "no checkpoint in " << run_dir << ": starting from the beginning";
    return absl::OkStatus();
  }
  CR_ASSIGN_OR_RETURN(start->state, RunStateFromJson(start->resumed->caller_state));
  CR_LOG(INFO) << "resuming from " << start->resumed->directory;
  return absl::OkStatus();
}

// So that the log tells one history.
absl::Status CutLog(const std::string& log_path, const RunStart& start) {
  if (!start.resumed) return report::TruncateAfter(log_path, {report::Stage::kZeroShot, -1});
  const RunState& state = start.state;
  const report::RunPosition position =
      state.in_rl ? report::RunPosition{report::Stage::kRl, state.rl_step}
                  : report::RunPosition{report::Stage::kSft, state.sft_step};
  return report::TruncateAfter(log_path, position);
}

}  // namespace

absl::StatusOr<RunStart> StartRun(const config::ServiceArguments& arguments) {
  const std::string& run_dir = arguments.options.run_dir;
  RunStart start;
  CR_ASSIGN_OR_RETURN(run_folder::FolderLock folder,
                      OpenRunFolder(run_dir, EarlierRunOf(arguments), arguments.resume_command));
  start.folder.emplace(std::move(folder));
  CR_RETURN_IF_ERROR(KeepConfig(arguments));
  if (arguments.resume) CR_RETURN_IF_ERROR(FindCheckpoint(run_dir, &start));
  CR_ASSIGN_OR_RETURN(const std::vector<std::string> changes, CheckFiles(arguments, &start));
  CR_ASSIGN_OR_RETURN(start.epoch, BeginRunStart(run_dir, start.state.start));
  start.state.start = start.epoch.value;
  const std::string log_path = base::JoinPath(run_dir, "metrics.jsonl");
  if (arguments.resume) CR_RETURN_IF_ERROR(CutLog(log_path, start));
  CR_ASSIGN_OR_RETURN(start.log, report::RunLogWriter::Open(log_path));
  if (arguments.resume && base::FileExists(log_path)) {
    CR_ASSIGN_OR_RETURN(start.earlier_log, report::ReadRunLog(log_path));
  }
  if (start.resumed) {
    CR_RETURN_IF_ERROR(start.log->Append(report::Event{
        absl::StrCat("resumed from ", start.resumed->directory, ", start ", start.epoch.value)}));
  }
  for (const std::string& change : changes) {
    CR_RETURN_IF_ERROR(
        start.log->Append(report::Event{absl::StrCat("goes on with another file: ", change)}));
  }
  return start;
}

absl::Status CheckUntrained(const RunState& state, const RunData& data) {
  for (const domain::GroupId group : state.ledger.untrained) {
    if (group.prompt >= 0 && group.pass >= 0 &&
        static_cast<size_t>(group.prompt) < data.train.size())
      continue;
    return base::BadConfig(absl::StrCat("data.train has ",
                                        data.train.size(),
                                        " rows, but the checkpoint has group ",
                                        group.ToString(),
                                        " under way: resume with the data the run started with"));
  }
  return absl::OkStatus();
}

}  // namespace convrec::learner
