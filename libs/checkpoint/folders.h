// Folders that appear whole or not at all.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace convrec::checkpoint {

// A folder written under a hidden name of its own beside the one it becomes. Commit() syncs it and
// renames it; without that the destructor removes it.
class FolderReplacement final {
 public:
  static absl::StatusOr<FolderReplacement> Create(const std::string& root, const std::string& name);
  FolderReplacement(FolderReplacement&& other) noexcept;
  FolderReplacement& operator=(FolderReplacement&&) = delete;
  ~FolderReplacement();

  // Where to write.
  const std::string& path() const { return path_; }

  // A folder that has the name already is exchanged with the new one, then removed.
  absl::Status Commit();

 private:
  FolderReplacement(std::string root, std::string name, std::string path);

  std::string root_;
  std::string name_;
  std::string path_;  // Empty once renamed.
};

// Names of the folders directly under `root` that are not hidden; none when it does not exist.
std::vector<std::string> SubfolderNames(const std::string& root);

// Names of the files directly in `folder`.
std::vector<std::string> FileNames(const std::string& folder);

// Waits until what was written to the file is on its disk.
absl::Status SyncFile(const std::string& path);

absl::Status RemoveFile(const std::string& path);

// What an earlier process left of unfinished replacements.
absl::Status RemoveLeftovers(const std::string& root);

// With all it holds. First renamed to a hidden name, so that it is never seen in part.
absl::Status RemoveFolder(const std::string& path);

}  // namespace convrec::checkpoint
