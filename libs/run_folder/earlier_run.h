// What a run's folder already contains, and how it is moved out of the way.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace convrec::run_folder {

inline constexpr char kLauncherLock[] = ".lock";
inline constexpr char kLearnerLock[] = ".learner.lock";

// Whether there is something to continue from or to lose: a checkpoint or a trained model. A start
// that ended before its first checkpoint leaves neither.
bool HoldsRun(const std::string& run_dir);

// Whether there is anything other than locks and runs that were moved aside.
bool HoldsAnything(const std::string& run_dir);

// BadConfig that says what to do about the run in the folder; `resume_command` continues it.
absl::Status NeedsAWord(const std::string& run_dir, const std::string& resume_command);

// Moves all of that to run_dir/earlier-1, or the next free number, and returns where. The caller
// must hold the folder's lock. The files by which HoldsRun() recognises a run are moved last, so
// after a crash in between the folder still needs --overwrite or --resume.
absl::StatusOr<std::string> MoveRunAside(const std::string& run_dir);

// For a folder that holds no run: moves what a start has logged before it ended to the next free
// run_dir/earlier-N, with a warning, so that the next start begins with an empty log. Does nothing
// without such a log. The caller holds the folder's lock.
absl::Status MoveLogAside(const std::string& run_dir);

}  // namespace convrec::run_folder
