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
#include "services/learner/loop/run_state.h"
#include "services/learner/run/run_data.h"

namespace convrec::learner {

struct RunStart {
  RunState state;
  domain::RunEpoch epoch;
  std::optional<checkpoint::Checkpoint> resumed;  // None: from the beginning.
  std::unique_ptr<report::RunLogWriter> log;
  report::RunLog earlier_log;  // Of the starts before this one, up to the checkpoint.
};

// Makes the run's folder, counts the start, and on a resume cuts the run log after the newest
// checkpoint. BadConfig for a resume by another configuration, unless that is allowed; DataLoss for
// a damaged checkpoint. `arguments.options` are resolved.
absl::StatusOr<RunStart> StartRun(const config::ServiceArguments& arguments);

// BadConfig when groups that the checkpoint left untrained are none of the training data's.
absl::Status CheckUntrained(const RunState& state, const RunData& data);

}  // namespace convrec::learner
