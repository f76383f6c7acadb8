// Reads and writes whole files, with errors that name the path.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace convrec::base {

absl::StatusOr<std::string> ReadFile(const std::string& path);

// Writes a temporary file next to `path`, syncs and renames it, so `path` holds the old or the new
// content, never a part. A failed write (a full disk) leaves the old content and no temporary file.
absl::Status WriteFileAtomically(const std::string& path, const std::string& content);

// Appends and flushes; creates the file when missing.
absl::Status AppendToFile(const std::string& path, const std::string& content);

// mkdir -p.
absl::Status MakeDirectories(const std::string& path);

bool FileExists(const std::string& path);
std::string JoinPath(const std::string& directory, const std::string& name);

// A fresh directory under $TMPDIR (or /tmp), removed with its contents by the destructor.
class TemporaryDirectory final {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace convrec::base
