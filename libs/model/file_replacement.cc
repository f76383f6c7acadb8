#include "libs/model/file_replacement.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"

namespace convrec::model {

absl::StatusOr<FileReplacement> FileReplacement::Create(const std::string& path) {
  std::string temporary = absl::StrCat(path, ".tmp.", ::getpid());
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return base::ErrnoStatus(errno, absl::StrCat("cannot write ", path));
  return FileReplacement(fd, path, std::move(temporary));
}

FileReplacement::FileReplacement(FileReplacement&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, "")) {}

FileReplacement::~FileReplacement() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

absl::Status FileReplacement::Write(const void* data, size_t size) {
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(fd_, next, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return base::ErrnoStatus(errno, absl::StrCat("cannot write ", path_));
    next += written;
    size -= static_cast<size_t>(written);
  }
  return absl::OkStatus();
}

absl::Status FileReplacement::Commit(FileSync sync) {
  if (sync == FileSync::kNow && ::fsync(fd_) != 0)
    return base::ErrnoStatus(errno, absl::StrCat("cannot sync ", path_));
  if (::close(std::exchange(fd_, -1)) != 0)
    return base::ErrnoStatus(errno, absl::StrCat("cannot write ", path_));
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return base::ErrnoStatus(errno, absl::StrCat("cannot write ", path_));
  }
  temporary_.clear();
  return absl::OkStatus();
}

}  // namespace convrec::model
