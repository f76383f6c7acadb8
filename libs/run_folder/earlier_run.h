// What is in the folder of a run already, and how it is put out of the way.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace convrec::run_folder {

inline constexpr char kLauncherLock[] = ".lock";
inline constexpr char kLearnerLock[] = ".learner.lock";

// Whether there is something to go on with or to lose: a checkpoint or a trained model. A start
// that ended before its first checkpoint has left neither.
bool HoldsRun(const std::string& run_dir);

// Whether there is anything but locks and runs that were moved aside.
bool HoldsAnything(const std::string& run_dir);

// BadConfig that says what to do about the run in the folder; `resume_command` goes on with it.
absl::Status NeedsAWord(const std::string& run_dir, const std::string& resume_command);

// Moves all of that to run_dir/earlier-1, or the next free number, and returns where. The caller
// holds the folder's lock. What tells the folder as a run goes last: after a crash in between the
// folder still needs --overwrite or --resume.
absl::StatusOr<std::string> MoveRunAside(const std::string& run_dir);

// For a folder that holds no run: moves what a start has logged before it ended to the next free
// run_dir/earlier-N, with a warning, so that the next start begins with an empty log. Does nothing
// without such a log. The caller holds the folder's lock.
absl::Status MoveLogAside(const std::string& run_dir);

}  // namespace convrec::run_folder
