// A large file that is written piece by piece and replaces the old one only when it is complete.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace convrec::model {

// Whether the content is synced to disk before the file gets its name.
enum class FileSync { kNow, kByCaller };

// Writes a file next to `path`; Commit() syncs and renames it. Without Commit() the destructor
// removes what was written and the old content stays.
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
