#include "libs/checkpoint/folders.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/random.h"
#include "libs/base/status_macros.h"

namespace convrec::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr char kWriting[] = ".writing-";
constexpr char kRemoving[] = ".removing-";

absl::Status Sync(const std::string& path, int flags = O_RDONLY | O_DIRECTORY) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return base::ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  return error == 0 ? absl::OkStatus()
                    : base::ErrnoStatus(error, absl::StrCat("cannot sync ", path));
}

absl::Status Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  return base::ErrnoStatus(errno, absl::StrCat("cannot rename ", from, " to ", to));
}

// Swaps two folders, in one step where the file system can.
absl::Status Exchange(const std::string& a, const std::string& b) {
  if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0)
    return absl::OkStatus();
  if (errno != EINVAL && errno != ENOSYS) {
    return base::ErrnoStatus(errno, absl::StrCat("cannot exchange ", a, " and ", b));
  }
  const std::string aside = absl::StrCat(a, ".old");
  CR_RETURN_IF_ERROR(Rename(b, aside));
  CR_RETURN_IF_ERROR(Rename(a, b));
  return Rename(aside, a);
}

absl::Status RemoveAll(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  return error ? base::ErrnoStatus(error.value(), absl::StrCat("cannot remove ", path))
               : absl::OkStatus();
}

std::vector<std::string> EntryNames(const std::string& root, bool are_folders) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(root, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->is_directory(error) == are_folders)
      names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

absl::StatusOr<FolderReplacement> FolderReplacement::Create(const std::string& root,
                                                            const std::string& name) {
  // A process left over from an earlier writer cannot write into this folder, because its name
  // differs.
  const std::string nonce = absl::StrCat(absl::Hex(base::UnseededRandom()), "-", ::getpid());
  std::string path = base::JoinPath(root, absl::StrCat(kWriting, name, ".", nonce));
  CR_RETURN_IF_ERROR(base::MakeDirectories(path));
  return FolderReplacement(root, name, std::move(path));
}

FolderReplacement::FolderReplacement(std::string root, std::string name, std::string path)
    : root_(std::move(root)), name_(std::move(name)), path_(std::move(path)) {}

FolderReplacement::FolderReplacement(FolderReplacement&& other) noexcept
    : root_(std::move(other.root_)), name_(std::move(other.name_)), path_(std::move(other.path_)) {
  other.path_.clear();
}

FolderReplacement::~FolderReplacement() {
  if (path_.empty()) return;
  std::error_code ignored;  // The next writer tries again.
  fs::remove_all(path_, ignored);
}

absl::Status FolderReplacement::Commit() {
  const std::string target = base::JoinPath(root_, name_);
  CR_RETURN_IF_ERROR(Sync(path_));
  if (base::FileExists(target)) {
    CR_RETURN_IF_ERROR(Exchange(path_, target));  // The old folder is now at path_.
    CR_RETURN_IF_ERROR(Sync(root_));
    return RemoveAll(std::exchange(path_, {}));
  }
  CR_RETURN_IF_ERROR(Rename(path_, target));
  path_.clear();
  return Sync(root_);
}

std::vector<std::string> SubfolderNames(const std::string& root) {
  std::vector<std::string> names = EntryNames(root, /*are_folders=*/true);
  names.erase(
      std::remove_if(
          names.begin(), names.end(), [](const std::string& name) { return name[0] == '.'; }),
      names.end());
  return names;
}

std::vector<std::string> FileNames(const std::string& folder) {
  return EntryNames(folder, /*are_folders=*/false);
}

absl::Status SyncFile(const std::string& path) { return Sync(path, O_RDONLY); }

absl::Status RemoveFile(const std::string& path) { return RemoveAll(path); }

absl::Status RemoveLeftovers(const std::string& root) {
  for (const std::string& name : EntryNames(root, /*are_folders=*/true)) {
    if (!absl::StartsWith(name, kWriting) && !absl::StartsWith(name, kRemoving)) continue;
    CR_RETURN_IF_ERROR(RemoveAll(base::JoinPath(root, name)));
  }
  return absl::OkStatus();
}

absl::Status RemoveFolder(const std::string& path) {
  const fs::path folder(path);
  const std::string aside =
      (folder.parent_path() / absl::StrCat(kRemoving, folder.filename().string())).string();
  CR_RETURN_IF_ERROR(RemoveAll(aside));
  CR_RETURN_IF_ERROR(Rename(path, aside));
  return RemoveAll(aside);
}

}  // namespace convrec::checkpoint
