#include "libs/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/errors.h"
#include "libs/base/status_macros.h"

namespace convrec::base {
namespace {

absl::Status WriteAll(int fd, const std::string& content, const std::string& path) {
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t n = ::write(fd, content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, absl::StrCat("cannot write ", path));
    done += static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("cannot read ", path));
  std::string content;
  struct stat info {};
  if (::fstat(fd, &info) == 0 && info.st_size > 0)
    content.reserve(static_cast<size_t>(info.st_size));
  char buffer[1 << 16];
  while (true) {
    const ssize_t n = ::read(fd, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const absl::Status status = ErrnoStatus(errno, absl::StrCat("cannot read ", path));
      ::close(fd);
      return status;
    }
    if (n == 0) break;
    content.append(buffer, static_cast<size_t>(n));
  }
  ::close(fd);
  return content;
}

absl::Status WriteFileAtomically(const std::string& path, const std::string& content) {
  const std::string temporary = absl::StrCat(path, ".tmp.", ::getpid());
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("cannot write ", path));
  absl::Status status = WriteAll(fd, content, path);
  if (status.ok() && ::fsync(fd) != 0)
    status = ErrnoStatus(errno, absl::StrCat("cannot sync ", path));
  if (::close(fd) != 0 && status.ok())
    status = ErrnoStatus(errno, absl::StrCat("cannot close ", path));
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    status = ErrnoStatus(errno, absl::StrCat("cannot rename to ", path));
  }
  if (!status.ok()) ::unlink(temporary.c_str());
  return status;
}

absl::Status AppendToFile(const std::string& path, const std::string& content) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("cannot append to ", path));
  absl::Status status = WriteAll(fd, content, path);
  if (::close(fd) != 0 && status.ok())
    status = ErrnoStatus(errno, absl::StrCat("cannot close ", path));
  return status;
}

absl::Status MakeDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return ErrnoStatus(error.value(), absl::StrCat("cannot create folder ", path));
  return absl::OkStatus();
}

bool FileExists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

std::string JoinPath(const std::string& directory, const std::string& name) {
  if (directory.empty()) return name;
  return directory.back() == '/' ? absl::StrCat(directory, name)
                                 : absl::StrCat(directory, "/", name);
}

TemporaryDirectory::TemporaryDirectory() {
  const char* root = std::getenv("TMPDIR");
  std::string pattern =
      JoinPath(root != nullptr && *root != '\0' ? root : "/tmp", "convrec-XXXXXX");
  CR_CHECK(::mkdtemp(pattern.data()) != nullptr, pattern);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace convrec::base
