#include "libs/run_folder/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/monotonic.h"
#include "libs/base/status_macros.h"
#include "libs/base/stop_signal.h"
#include "libs/run_folder/earlier_run.h"

namespace convrec::run_folder {
namespace {

const char* NameOf(Writer writer) {
  return writer == Writer::kLauncher ? "convrec train" : "learner";
}

std::string ThisProcess() {
  char host[256] = "";
  ::gethostname(host, sizeof(host) - 1);
  return absl::StrCat("process ", ::getpid(), " on ", host);
}

// What the holder has written into the file, which it does once it has the lock.
std::string DescribeHolder(const std::string& path) {
  const absl::StatusOr<std::string> text = base::ReadFile(path);
  if (!text.ok() || text->empty()) return "";
  return absl::StrCat(" (", absl::StripSuffix(*text, "\n"), ")");
}

}  // namespace

absl::StatusOr<FolderLock> FolderLock::Take(const std::string& run_dir,
                                            Writer writer,
                                            absl::Duration patience) {
  CR_RETURN_IF_ERROR(base::MakeDirectories(run_dir));
  const std::string path =
      base::JoinPath(run_dir, writer == Writer::kLauncher ? kLauncherLock : kLearnerLock);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return base::ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  FolderLock lock(fd);
  const absl::Time deadline = base::MonotonicNow() + patience;
  for (bool is_first = true; ::flock(fd, LOCK_EX | LOCK_NB) != 0; is_first = false) {
    if (errno != EWOULDBLOCK) return base::ErrnoStatus(errno, absl::StrCat("cannot lock ", path));
    const std::string busy =
        absl::StrCat(run_dir, " is in use by another ", NameOf(writer), DescribeHolder(path));
    if (base::MonotonicNow() >= deadline || base::StopRequested())
      return base::BadConfig(absl::StrCat(busy, "; choose another run_dir, or end that one first"));
    if (is_first) CR_LOG(WARNING) << busy << "; waiting for its end";
    base::WaitForStop(absl::Milliseconds(100));
  }
  const std::string holder = ThisProcess() + "\n";
  if (::ftruncate(fd, 0) != 0 ||
      ::pwrite(fd, holder.data(), holder.size(), 0) != static_cast<ssize_t>(holder.size())) {
    return base::ErrnoStatus(errno, absl::StrCat("cannot write ", path));
  }
  return lock;
}

FolderLock::FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace convrec::run_folder
