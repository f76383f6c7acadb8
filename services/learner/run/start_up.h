// The leader's start of a run: the run folder, its stored configuration, the number of this start,
// and the checkpoint and run log that it continues from.
#pragma once

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/checkpoint/manifest.h"
#include "libs/config/command_line.h"
#include "libs/domain/ids.h"
#include "libs/report/run_log.h"
#include "libs/run_folder/folder_lock.h"
#include "services/learner/loop/run_state.h"
#include "services/learner/run/run_data.h"

namespace convrec::learner {

struct RunStart {
  std::optional<run_folder::FolderLock> folder;  // Held while the learner lives.
  RunState state;
  domain::RunEpoch epoch;
  std::optional<checkpoint::Checkpoint> resumed;  // None: a new run.
  std::unique_ptr<report::RunLogWriter> log;
  report::RunLog earlier_log;  // Log of the previous starts, up to the checkpoint.
};

// Locks the run folder, counts the start and, on a resume, truncates the run log after the newest
// checkpoint. BadConfig if another learner holds the folder, if it contains a run and no flag says
// what to do with it, or if a resume has another configuration or other files and this is not
// allowed. DataLoss for a damaged checkpoint or a missing log. `arguments.options` are resolved.
absl::StatusOr<RunStart> StartRun(const config::ServiceArguments& arguments);

// BadConfig if groups that the checkpoint left untrained are not in the training data.
absl::Status CheckUntrained(const RunState& state, const RunData& data);

}  // namespace convrec::learner
