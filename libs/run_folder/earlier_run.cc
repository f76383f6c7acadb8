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
#include "libs/base/status_macros.h"

namespace convrec::run_folder {
namespace {

namespace fs = std::filesystem;

constexpr char kEarlier[] = "earlier-";
constexpr char kLog[] = "metrics.jsonl";
constexpr const char* kOfARun[] = {kLog, "checkpoints", "model", "adapter"};

bool IsOfARun(const std::string& name) {
  return std::find(std::begin(kOfARun), std::end(kOfARun), name) != std::end(kOfARun);
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
  return std::any_of(std::begin(kOfARun), std::end(kOfARun), [&run_dir](const std::string& name) {
    const std::string path = base::JoinPath(run_dir, name);
    std::error_code error;
    return base::FileExists(path) && (name != kLog || fs::file_size(path, error) > 0);
  });
}

bool HoldsAnything(const std::string& run_dir) { return !NamesIn(run_dir).empty(); }

absl::StatusOr<std::string> MoveRunAside(const std::string& run_dir) {
  std::vector<std::string> names = NamesIn(run_dir);
  std::stable_partition(
      names.begin(), names.end(), [](const std::string& name) { return !IsOfARun(name); });
  std::string aside;
  for (int number = 1; aside.empty() || base::FileExists(aside); ++number)
    aside = base::JoinPath(run_dir, absl::StrCat(kEarlier, number));
  CR_RETURN_IF_ERROR(base::MakeDirectories(aside));
  for (const std::string& name : names) {
    const std::string from = base::JoinPath(run_dir, name);
    if (std::rename(from.c_str(), base::JoinPath(aside, name).c_str()) != 0)
      return base::ErrnoStatus(errno, absl::StrCat("cannot move ", from, " to ", aside));
  }
  return aside;
}

}  // namespace convrec::run_folder
