// The configuration a run was started with, kept as config.yaml in its folder.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/config/run_options.h"

namespace convrec::config {

std::string StoredConfigPath(const std::string& run_dir);
absl::Status StoreConfig(const RunOptions& options);
// nullopt when the folder has none.
absl::StatusOr<std::optional<RunOptions>> LoadStoredConfig(const std::string& run_dir);

enum class ConfigChange { kRefused, kAllowed };

// For a run that continues with `wanted`: BadConfig that lists what differs from `stored`, or only
// a warning with that list when changes are allowed. Keys that say where processes listen and find
// each other are not compared, because a resumed run may run elsewhere.
absl::Status CheckUnchanged(const RunOptions& stored,
                            const RunOptions& wanted,
                            ConfigChange change);

}  // namespace convrec::config
