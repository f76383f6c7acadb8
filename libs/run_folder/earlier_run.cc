#include "libs/run_folder/earlier_run.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"

namespace convrec::run_folder {
namespace {

namespace fs = std::filesystem;

constexpr char kEarlier[] = "earlier-";
constexpr char kLog[] = "metrics.jsonl";
constexpr const char* kKept[] = {"checkpoints", "model", "adapter"};
// What a start says of itself while it runs and at its end.
constexpr const char* kLogs[] = {kLog, "log.txt", "report.html", "summary.json"};

bool IsKept(const std::string& name) {
  return std::find(std::begin(kKept), std::end(kKept), name) != std::end(kKept);
}

// Half-written checkpoints have hidden names.
bool HasVisibleEntry(const std::string& directory) {
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!absl::StartsWith(entry->path().filename().string(), ".")) return true;
  }
  return false;
}

bool HasLog(const std::string& run_dir) {
  std::error_code error;
  const auto size = fs::file_size(base::JoinPath(run_dir, kLog), error);
  return !error && size > 0;
}

absl::StatusOr<std::string> MakeAside(const std::string& run_dir) {
  std::string aside;
  for (int number = 1; aside.empty() || base::FileExists(aside); ++number)
    aside = base::JoinPath(run_dir, absl::StrCat(kEarlier, number));
  CR_RETURN_IF_ERROR(base::MakeDirectories(aside));
  return aside;
}

absl::Status Move(const std::string& name, const std::string& run_dir, const std::string& aside) {
  const std::string from = base::JoinPath(run_dir, name);
  if (std::rename(from.c_str(), base::JoinPath(aside, name).c_str()) == 0) return absl::OkStatus();
  return base::ErrnoStatus(errno, absl::StrCat("cannot move ", from, " to ", aside));
}

std::vector<std::string> NamesIn(const std::string& run_dir) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(run_dir, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name == kLauncherLock || name == kLearnerLock || absl::StartsWith(name, kEarlier)) continue;
    names.push_back(name);
  }
  return names;
}

}  // namespace

bool HoldsRun(const std::string& run_dir) {
  return std::any_of(std::begin(kKept), std::end(kKept), [&run_dir](const char* name) {
    return HasVisibleEntry(base::JoinPath(run_dir, name));
  });
}

bool HoldsAnything(const std::string& run_dir) { return !NamesIn(run_dir).empty(); }

absl::Status NeedsAWord(const std::string& run_dir, const std::string& resume_command) {
  return base::BadConfig(absl::StrCat("run_dir ",
                                      run_dir,
                                      " holds a run already; --resume goes on with it (",
                                      resume_command,
                                      "), --overwrite moves it aside and starts a new one"));
}

absl::StatusOr<std::string> MoveRunAside(const std::string& run_dir) {
  std::vector<std::string> names = NamesIn(run_dir);
  std::stable_partition(
      names.begin(), names.end(), [](const std::string& name) { return !IsKept(name); });
  CR_ASSIGN_OR_RETURN(const std::string aside, MakeAside(run_dir));
  for (const std::string& name : names) CR_RETURN_IF_ERROR(Move(name, run_dir, aside));
  return aside;
}

absl::Status MoveLogAside(const std::string& run_dir) {
  if (!HasLog(run_dir)) return absl::OkStatus();
  CR_ASSIGN_OR_RETURN(const std::string aside, MakeAside(run_dir));
  for (const char* name : kLogs) {
    if (base::FileExists(base::JoinPath(run_dir, name)))
      CR_RETURN_IF_ERROR(Move(name, run_dir, aside));
  }
  CR_LOG(WARNING) << "the start before this one ended without a checkpoint: starting from the "
                     "beginning; its log is in "
                  << aside;
  return absl::OkStatus();
}

}  // namespace convrec::run_folder
