// The leader's start of a run: the run's folder, the configuration kept in it, which start this is,
// and the checkpoint and the run log that it continues from.
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
  std::optional<checkpoint::Checkpoint> resumed;  // None: from the beginning.
  std::unique_ptr<report::RunLogWriter> log;
  report::RunLog earlier_log;  // Of the starts before this one, up to the checkpoint.
};

// Takes the run's folder, counts the start, and on a resume cuts the run log after the newest
// checkpoint. BadConfig while another learner has the folder, for a run in it without a word about
// it, and for a resume by another configuration or with other files, unless that is allowed;
// DataLoss for a damaged checkpoint or a missing log. `arguments.options` are resolved.
absl::StatusOr<RunStart> StartRun(const config::ServiceArguments& arguments);

// BadConfig when groups that the checkpoint left untrained are none of the training data's.
absl::Status CheckUntrained(const RunState& state, const RunData& data);

}  // namespace convrec::learner
