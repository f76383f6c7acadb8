// The run folder, opened by the learner, which is its only writer.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "libs/run_folder/folder_lock.h"

namespace convrec::learner {

// What to do with a run that is already in the folder.
enum class EarlierRun { kRefused, kResumed, kMovedAside };

// Creates the folder and locks it while the returned value lives. BadConfig, which says what to do,
// while another learner writes to the folder, and with kRefused if it already holds a run;
// `resume_command` continues that run. The log of a start that ended before its first checkpoint is
// moved aside.
absl::StatusOr<run_folder::FolderLock> OpenRunFolder(
    const std::string& run_dir,
    EarlierRun earlier,
    const std::string& resume_command = "the same command with --resume");

// Checks a folder from whose checkpoint a run continues: DataLoss if its log or its count of starts
// is missing, which a checkpoint cannot replace. With kAllowed this is only a warning.
enum class MissingFiles { kRefused, kAllowed };
absl::Status CheckRunFiles(const std::string& run_dir, MissingFiles missing);

}  // namespace convrec::learner
