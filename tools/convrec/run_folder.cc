#include "tools/convrec/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/config/print.h"
#include "libs/config/stored_config.h"
#include "libs/report/results.h"
#include "libs/sample/sample_world.h"

namespace convrec::cli {
namespace {

constexpr char kLockName[] = ".lock";

// Whether there is anything besides our lock file and a world that was being written.
bool HoldsSomething(const std::string& run_dir) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(run_dir, error)) {
    if (entry.path().filename() != kLockName) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<RunFolderLock> RunFolderLock::Take(const std::string& run_dir) {
  CR_RETURN_IF_ERROR(base::MakeDirectories(run_dir));
  const std::string path = base::JoinPath(run_dir, kLockName);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return base::ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  RunFolderLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    return base::BadConfig(
        absl::StrCat(run_dir, " is in use by another convrec train; choose another run_dir"));
  }
  return lock;
}

RunFolderLock::RunFolderLock(RunFolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

RunFolderLock::~RunFolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

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

  CR_ASSIGN_OR_RETURN(const std::optional<config::RunOptions> stored,
                      config::LoadStoredConfig(run_dir));
  folder.is_resumed = stored.has_value();
  if (folder.is_resumed && !request.resume) {
    return base::BadConfig(absl::StrCat("run_dir ",
                                        run_dir,
                                        " holds a run already; --resume goes on with it, another ",
                                        "run_dir starts a new one"));
  }
  if (!folder.is_resumed && HoldsSomething(run_dir)) {
    return base::BadConfig(
        absl::StrCat("run_dir ", run_dir, " holds files that are no run; choose an empty folder"));
  }
  if (folder.is_resumed) {
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
  // new configuration takes the old one's place only if it fits the world; a fresh run is one as
  // soon as it has a configuration, so that a resume makes a world whose writing was interrupted.
  const bool names_world =
      folder.options.data.catalog == base::JoinPath(world_dir, "catalog.jsonl");
  if (names_world && folder.is_resumed)
    CR_RETURN_IF_ERROR(sample::WriteSampleWorld(folder.options, world_dir));
  CR_RETURN_IF_ERROR(config::StoreConfig(folder.options));
  if (names_world && !folder.is_resumed)
    CR_RETURN_IF_ERROR(sample::WriteSampleWorld(folder.options, world_dir));
  return folder;
}

}  // namespace convrec::cli
