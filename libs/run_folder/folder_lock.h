// One process at a time may write to the folder of a run.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace convrec::run_folder {

// Two locks, so that a launcher and the learner it starts hold one each.
enum class Writer { kLauncher, kLearner };

// Held for the life of the value; the kernel lets go of it when the process dies.
class FolderLock final {
 public:
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

  // Makes the folder. Waits up to `patience`, or until a stop of the process is requested, for a
  // writer that is about to end. BadConfig, which names the process, while another one holds it.
  static absl::StatusOr<FolderLock> Take(const std::string& run_dir,
                                         Writer writer,
                                         absl::Duration patience = absl::ZeroDuration());

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace convrec::run_folder
