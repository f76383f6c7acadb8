// A large file written piece by piece that replaces the old one only when it is whole.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace convrec::model {

// Whether what has been written is on the disk when it gets its name.
enum class FileSync { kNow, kByCaller };

// Writes beside `path`; Commit() syncs and renames. Without it the destructor removes what was
// written and the old content stays.
class FileReplacement final {
 public:
  static absl::StatusOr<FileReplacement> Create(const std::string& path);
  FileReplacement(FileReplacement&& other) noexcept;
  FileReplacement& operator=(FileReplacement&&) = delete;
  ~FileReplacement();

  absl::Status Write(const void* data, size_t size);
  absl::Status Commit(FileSync sync = FileSync::kNow);

 private:
  FileReplacement(int fd, std::string path, std::string temporary)
      : fd_(fd), path_(std::move(path)), temporary_(std::move(temporary)) {}

  int fd_;
  std::string path_;
  std::string temporary_;  // Empty once renamed.
};

}  // namespace convrec::model
