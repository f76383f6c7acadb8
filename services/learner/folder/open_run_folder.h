// The folder of a run, taken by the learner that is its only writer.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "libs/run_folder/folder_lock.h"

namespace convrec::learner {

// What is to become of a run that the folder holds already.
enum class EarlierRun { kRefused, kResumed, kMovedAside };

// Makes the folder and locks it for as long as the value lives. BadConfig, with what to do, while
// another learner writes to it, and for a folder that holds a run with kRefused; `resume_command`
// goes on with that. What a start has logged that ended before its first checkpoint is moved aside.
absl::StatusOr<run_folder::FolderLock> OpenRunFolder(
    const std::string& run_dir,
    EarlierRun earlier,
    const std::string& resume_command = "the same command with --resume");

// For a folder from whose checkpoint a run goes on: DataLoss when its log or its count of starts is
// missing, which a checkpoint does not replace. With kAllowed that is a warning.
enum class MissingFiles { kRefused, kAllowed };
absl::Status CheckRunFiles(const std::string& run_dir, MissingFiles missing);

}  // namespace convrec::learner
