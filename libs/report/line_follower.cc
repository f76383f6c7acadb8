#include "libs/report/line_follower.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace convrec::report {

LineFollower::LineFollower(const std::string& path, Start start) : path_(path) {
  struct stat info {};
  if (start == Start::kEnd && ::stat(path.c_str(), &info) == 0) {
    has_seen_file_ = true;
    inode_ = info.st_ino;
    offset_ = info.st_size;
  }
}

std::vector<std::string> LineFollower::Poll() {
  std::vector<std::string> lines;
  const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return lines;
  struct stat info {};
  if (::fstat(fd, &info) == 0) {
    const bool is_replaced = has_seen_file_ && (info.st_ino != inode_ || info.st_size < offset_);
    if (is_replaced) {
      offset_ = info.st_size;
      partial_.clear();
    }
    has_seen_file_ = true;
    inode_ = info.st_ino;
    char buffer[1 << 14];
    ssize_t n = 0;
    while ((n = ::pread(fd, buffer, sizeof(buffer), offset_)) > 0) {
      offset_ += n;
      partial_.append(buffer, static_cast<size_t>(n));
    }
  }
  ::close(fd);
  size_t begin = 0;
  for (size_t end; (end = partial_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    lines.push_back(partial_.substr(begin, end - begin));
  }
  partial_.erase(0, begin);
  return lines;
}

}  // namespace convrec::report
