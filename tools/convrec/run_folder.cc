#include "tools/convrec/run_folder.h"

#include <filesystem>
#include <optional>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/config/print.h"
#include "libs/config/stored_config.h"
#include "libs/report/results.h"
#include "libs/run_folder/earlier_run.h"
#include "libs/run_folder/folder_lock.h"
#include "libs/sample/sample_world.h"

namespace convrec::cli {
namespace {

// Puts away what is in the folder and is not gone on with. A learner that has outlived its launcher
// may still be writing.
absl::Status ClearLog(const std::string& run_dir) {
  CR_ASSIGN_OR_RETURN(const run_folder::FolderLock lock,
                      run_folder::FolderLock::Take(run_dir, run_folder::Writer::kLearner));
  return run_folder::MoveLogAside(run_dir);
}
absl::Status Overwrite(const std::string& run_dir) {
  CR_ASSIGN_OR_RETURN(const run_folder::FolderLock lock,
                      run_folder::FolderLock::Take(run_dir, run_folder::Writer::kLearner));
  CR_ASSIGN_OR_RETURN(const std::string aside, run_folder::MoveRunAside(run_dir));
  CR_LOG(WARNING) << "what " << run_dir << " held is in " << aside << " now";
  return absl::OkStatus();
}

// Nothing was trained on the world of a start that failed: one of other settings makes room.
absl::Status WriteFreshWorld(const config::RunOptions& options,
                             const std::string& run_dir,
                             const std::string& world_dir) {
  const absl::Status status = sample::WriteSampleWorld(options, world_dir);
  if (!base::IsBadConfig(status)) return status;
  CR_RETURN_IF_ERROR(Overwrite(run_dir));
  CR_RETURN_IF_ERROR(config::StoreConfig(options));
  return sample::WriteSampleWorld(options, world_dir);
}

}  // namespace

absl::StatusOr<RunFolder> PrepareRunFolder(const config::RunOptions& options,
                                           const RunFolderRequest& request) {
  RunFolder folder;
  folder.options = options;
  std::string& run_dir = folder.options.run_dir;
  run_dir = std::filesystem::absolute(run_dir).lexically_normal().string();
  while (run_dir.size() > 1 && run_dir.back() == '/') run_dir.pop_back();
  const std::string summary_path = base::JoinPath(run_dir, "summary.json");
  const std::string world_dir = base::JoinPath(run_dir, "world");
  const bool uses_world = sample::UsesSampleWorld(options);
  if (uses_world) folder.options = sample::WithSamplePaths(folder.options, world_dir);

  const bool is_known = base::FileExists(config::StoredConfigPath(run_dir));
  if (request.overwrite && is_known && run_folder::HoldsRun(run_dir))
    CR_RETURN_IF_ERROR(Overwrite(run_dir));
  folder.is_resumed = is_known && run_folder::HoldsRun(run_dir);
  if (folder.is_resumed && !request.resume)
    return run_folder::NeedsAWord(run_dir, request.resume_command);
  if (!is_known && run_folder::HoldsAnything(run_dir)) {
    return base::BadConfig(
        absl::StrCat("run_dir ", run_dir, " holds files that are no run; choose an empty folder"));
  }
  if (is_known && !folder.is_resumed) CR_RETURN_IF_ERROR(ClearLog(run_dir));
  if (folder.is_resumed) {
    CR_ASSIGN_OR_RETURN(const std::optional<config::RunOptions> stored,
                        config::LoadStoredConfig(run_dir));
    const auto change = request.allow_config_change ? config::ConfigChange::kAllowed
                                                    : config::ConfigChange::kRefused;
    CR_RETURN_IF_ERROR(config::CheckUnchanged(*stored, folder.options, change));
    if (base::FileExists(summary_path)) {
      CR_ASSIGN_OR_RETURN(const report::RunOutcome outcome, report::ReadSummary(summary_path));
      folder.earlier_seconds = outcome.seconds;
      folder.is_finished =
          outcome.is_finished && config::ChangedKeys(*stored, folder.options).empty();
    }
  }
  // A resumed run names the world's files in its configuration; they are needed all the same. Its
  // new configuration takes the old one's place only if it fits the world. The folder of a fresh
  // run has a configuration first, which tells it from a folder of other files whatever happens
  // next.
  const bool names_world =
      folder.options.data.catalog == base::JoinPath(world_dir, "catalog.jsonl");
  if (names_world && folder.is_resumed)
    CR_RETURN_IF_ERROR(sample::WriteSampleWorld(folder.options, world_dir));
  CR_RETURN_IF_ERROR(config::StoreConfig(folder.options));
  if (names_world && !folder.is_resumed)
    CR_RETURN_IF_ERROR(WriteFreshWorld(folder.options, run_dir, world_dir));
  return folder;
}

}  // namespace convrec::cli
