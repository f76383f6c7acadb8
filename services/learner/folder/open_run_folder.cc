#include "services/learner/folder/open_run_folder.h"

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/run_folder/earlier_run.h"

namespace convrec::learner {
namespace {

// For a learner that has been told to stop and writes its last checkpoint.
constexpr absl::Duration kPatience = absl::Seconds(5);

}  // namespace

absl::StatusOr<run_folder::FolderLock> OpenRunFolder(const std::string& run_dir,
                                                     EarlierRun earlier,
                                                     const std::string& resume_command) {
  CR_ASSIGN_OR_RETURN(
      run_folder::FolderLock lock,
      run_folder::FolderLock::Take(run_dir, run_folder::Writer::kLearner, kPatience));
  if (!run_folder::HoldsRun(run_dir)) {
    CR_RETURN_IF_ERROR(run_folder::MoveLogAside(run_dir));
    return lock;
  }
  switch (earlier) {
    case EarlierRun::kResumed:
      break;
    case EarlierRun::kRefused:
      return run_folder::NeedsAWord(run_dir, resume_command);
    case EarlierRun::kMovedAside: {
      CR_ASSIGN_OR_RETURN(const std::string aside, run_folder::MoveRunAside(run_dir));
      CR_LOG(WARNING) << "the run that " << run_dir << " held is in " << aside << " now";
      break;
    }
  }
  return lock;
}

absl::Status CheckRunFiles(const std::string& run_dir, MissingFiles missing) {
  for (const char* name : {"metrics.jsonl", "epoch"}) {
    const std::string path = base::JoinPath(run_dir, name);
    if (base::FileExists(path)) continue;
    const std::string found = absl::StrCat(path, " is missing, though the run has a checkpoint");
    if (missing == MissingFiles::kRefused) {
      return absl::DataLossError(absl::StrCat(
          found, "; bring it back, or go on without what it held by --allow-input-change"));
    }
    CR_LOG(WARNING) << found << ": going on without what it held";
  }
  return absl::OkStatus();
}

}  // namespace convrec::learner
