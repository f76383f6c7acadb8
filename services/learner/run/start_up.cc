#include "services/learner/run/start_up.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/config/stored_config.h"

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

absl::Status FindCheckpoint(const std::string& run_dir,
                            const std::string& log_path,
                            RunStart* start) {
  CR_ASSIGN_OR_RETURN(start->resumed,
                      checkpoint::LoadNewestCheckpoint(checkpoint::CheckpointRoot(run_dir)));
  if (!start->resumed) {
    CR_LOG(WARNING) << "no checkpoint in " << run_dir << ": starting from the beginning";
    return report::TruncateAfter(log_path, {report::Stage::kZeroShot, -1});
  }
  CR_ASSIGN_OR_RETURN(start->state, RunStateFromJson(start->resumed->caller_state));
  const RunState& state = start->state;
  const report::RunPosition position =
      state.in_rl ? report::RunPosition{report::Stage::kRl, state.rl_step}
                  : report::RunPosition{report::Stage::kSft, state.sft_step};
  CR_RETURN_IF_ERROR(report::TruncateAfter(log_path, position));
  CR_LOG(INFO) << "resuming from " << start->resumed->directory;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RunStart> StartRun(const config::ServiceArguments& arguments) {
  const std::string& run_dir = arguments.options.run_dir;
  CR_RETURN_IF_ERROR(base::MakeDirectories(run_dir));
  CR_RETURN_IF_ERROR(KeepConfig(arguments));
  RunStart start;
  CR_ASSIGN_OR_RETURN(start.epoch, NextRunEpoch(run_dir));
  const std::string log_path = base::JoinPath(run_dir, "metrics.jsonl");
  if (arguments.resume) CR_RETURN_IF_ERROR(FindCheckpoint(run_dir, log_path, &start));
  CR_ASSIGN_OR_RETURN(start.log, report::RunLogWriter::Open(log_path));
  if (arguments.resume && base::FileExists(log_path)) {
    CR_ASSIGN_OR_RETURN(start.earlier_log, report::ReadRunLog(log_path));
  }
  if (start.resumed) {
    CR_RETURN_IF_ERROR(start.log->Append(report::Event{
        absl::StrCat("resumed from ", start.resumed->directory, ", start ", start.epoch.value)}));
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
