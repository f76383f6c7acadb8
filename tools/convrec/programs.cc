#include "tools/convrec/programs.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/files.h"

namespace convrec::cli {
namespace {

std::filesystem::path Self() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error);
}

}  // namespace

std::string BinaryFolder() {
  const std::filesystem::path self = Self();
  return self.empty() ? "." : self.parent_path().string();
}

std::string CommandName() {
  constexpr char kName[] = "convrec";
  const std::filesystem::path self = Self();
  const char* const path = std::getenv("PATH");
  const std::vector<std::string> directories = absl::StrSplit(path == nullptr ? "" : path, ':');
  for (const std::string& directory : directories) {
    const std::string found = base::JoinPath(directory.empty() ? "." : directory, kName);
    if (::access(found.c_str(), X_OK) != 0) continue;
    std::error_code error;
    if (std::filesystem::equivalent(found, self, error)) return kName;
    break;  // The shell would start another one.
  }
  return self.empty() ? kName : self.string();
}

std::vector<std::string> MissingPrograms(const std::string& directory,
                                         std::span<const char* const> roles) {
  std::vector<std::string> missing;
  for (const char* role : roles) {
    const std::string name = absl::StrCat("convrec-", role);
    if (::access(base::JoinPath(directory, name).c_str(), X_OK) != 0) missing.push_back(name);
  }
  return missing;
}

}  // namespace convrec::cli
