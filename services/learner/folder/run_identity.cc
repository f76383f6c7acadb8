#include "services/learner/folder/run_identity.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/random.h"
#include "libs/base/status_macros.h"

namespace convrec::learner {
namespace {

constexpr size_t kIdDigits = 32;

// Stays when a folder is renamed, differs when it is copied.
absl::StatusOr<std::string> PlaceOf(const std::string& folder) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0)
    return base::ErrnoStatus(errno, absl::StrCat("cannot read ", folder));
  return absl::StrCat(info.st_dev, ":", info.st_ino);
}

bool ParseId(const std::string& text, domain::RunId* id) {
  return text.size() == kIdDigits && absl::SimpleHexAtoi(text.substr(0, 16), &id->high) &&
         absl::SimpleHexAtoi(text.substr(16), &id->low);
}

absl::StatusOr<domain::RunId> IdOfFolder(const std::string& run_dir) {
  CR_ASSIGN_OR_RETURN(const std::string place, PlaceOf(run_dir));
  const std::string path = base::JoinPath(run_dir, "run.json");
  if (base::FileExists(path)) {
    CR_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
    const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    domain::RunId id;
    if (!json.is_object() || !json.contains("run_id") || !json["run_id"].is_string() ||
        !ParseId(json["run_id"].get<std::string>(), &id)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": expected a \"run_id\" of ", kIdDigits, " hexadecimal digits"));
    }
    if (json.value("folder", "") == place) return id;
    CR_LOG(WARNING) << run_dir << " is a copy of run " << id.ToString()
                    << ": it goes on as a run of its own";
  }
  const domain::RunId id{.high = base::UnseededRandom(), .low = base::UnseededRandom()};
  const nlohmann::ordered_json json = {{"run_id", id.ToString()}, {"folder", place}};
  CR_RETURN_IF_ERROR(base::WriteFileAtomically(path, json.dump(2) + "\n"));
  return id;
}

}  // namespace

absl::StatusOr<domain::RunEpoch> BeginRunStart(const std::string& run_dir, int64_t earlier) {
  domain::RunEpoch epoch;
  CR_ASSIGN_OR_RETURN(epoch.run, IdOfFolder(run_dir));
  const std::string path = base::JoinPath(run_dir, "epoch");
  if (base::FileExists(path)) {
    CR_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
    if (!absl::SimpleAtoi(absl::StripSuffix(text, "\n"), &epoch.value) || epoch.value < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": expected the number of starts, found \"", text, "\""));
    }
  }
  epoch.value = std::max(epoch.value, earlier) + 1;
  CR_RETURN_IF_ERROR(base::WriteFileAtomically(path, absl::StrCat(epoch.value, "\n")));
  return epoch;
}

}  // namespace convrec::learner
