#include "libs/config/stored_config.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/config/load.h"
#include "libs/config/print.h"

namespace convrec::config {
std::string StoredConfigPath(const std::string& run_dir) {
  return base::JoinPath(run_dir, "config.yaml");
}

absl::Status StoreConfig(const RunOptions& options) {
  return base::WriteFileAtomically(StoredConfigPath(options.run_dir), PrintYaml(options));
}

absl::StatusOr<std::optional<RunOptions>> LoadStoredConfig(const std::string& run_dir) {
  const std::string path = StoredConfigPath(run_dir);
  if (!base::FileExists(path)) return std::nullopt;
  CR_ASSIGN_OR_RETURN(RunOptions options, LoadRunOptions({path}, {}));
  return options;
}

absl::Status CheckUnchanged(const RunOptions& stored,
                            const RunOptions& wanted,
                            ConfigChange change) {
  const std::vector<std::string> changes = ChangedKeys(stored, wanted, Places::kIgnored);
  if (changes.empty()) return absl::OkStatus();
  if (change == ConfigChange::kRefused) {
    return base::BadConfig(
        absl::StrCat("the configuration differs from the one that ",
                     wanted.run_dir,
                     " was started with; --allow-config-change goes on with:\n  ",
                     absl::StrJoin(changes, "\n  ")));
  }
  CR_LOG(WARNING) << "the configuration of the run changes: " << absl::StrJoin(changes, "; ");
  return absl::OkStatus();
}

}  // namespace convrec::config
