// What is in the folder of a run already, and how it is put out of the way.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace convrec::run_folder {

inline constexpr char kLauncherLock[] = ".lock";
inline constexpr char kLearnerLock[] = ".learner.lock";

// Whether there is something to lose: steps in a log, checkpoints, or a trained model. A start that
// failed before its first step has left none of these.
bool HoldsRun(const std::string& run_dir);

// Whether there is anything but locks and runs that were moved aside.
bool HoldsAnything(const std::string& run_dir);

// Moves all of that to run_dir/earlier-1, or the next free number, and returns where. The caller
// holds the folder's lock. What tells the folder as a run goes last: after a crash in between the
// folder still needs --overwrite or --resume.
absl::StatusOr<std::string> MoveRunAside(const std::string& run_dir);

}  // namespace convrec::run_folder
