// Allows one process at a time to write to a run's folder.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace convrec::run_folder {

// Two locks, so that a launcher and the learner it starts hold one each.
enum class Writer { kLauncher, kLearner };

// Held for the life of the value; the kernel releases it when the process dies.
class FolderLock final {
 public:
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

  // Creates the folder. Waits up to `patience`, or until a stop of this process is requested, for a
  // writer that is about to end. BadConfig, naming the other process, when that one still holds the
  // lock.
  static absl::StatusOr<FolderLock> Take(const std::string& run_dir,
                                         Writer writer,
                                         absl::Duration patience = absl::ZeroDuration());

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace convrec::run_folder
