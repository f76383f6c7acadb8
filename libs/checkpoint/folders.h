// Folders that appear complete or not at all.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace convrec::checkpoint {

// A folder written under a hidden name next to its final one. Commit() syncs and renames it;
// without Commit() the destructor removes it.
class FolderReplacement final {
 public:
  static absl::StatusOr<FolderReplacement> Create(const std::string& root, const std::string& name);
  FolderReplacement(FolderReplacement&& other) noexcept;
  FolderReplacement& operator=(FolderReplacement&&) = delete;
  ~FolderReplacement();

  // Where to write.
  const std::string& path() const { return path_; }

  // An existing folder of that name is exchanged with the new one, then removed.
  absl::Status Commit();

 private:
  FolderReplacement(std::string root, std::string name, std::string path);

  std::string root_;
  std::string name_;
  std::string path_;  // Empty once renamed.
};

// Names of the folders directly under `root` that are not hidden; none when `root` does not exist.
std::vector<std::string> SubfolderNames(const std::string& root);

// Names of the files directly in `folder`.
std::vector<std::string> FileNames(const std::string& folder);

// Waits until everything written to the file is on disk.
absl::Status SyncFile(const std::string& path);

absl::Status RemoveFile(const std::string& path);

// Removes the unfinished replacements of an earlier process.
absl::Status RemoveLeftovers(const std::string& root);

// Removes the folder with its contents. It is renamed to a hidden name first, so it is never seen
// half removed.
absl::Status RemoveFolder(const std::string& path);

}  // namespace convrec::checkpoint
