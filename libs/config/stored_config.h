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
// None when the folder holds none.
absl::StatusOr<std::optional<RunOptions>> LoadStoredConfig(const std::string& run_dir);

enum class ConfigChange { kRefused, kAllowed };

// For a run that goes on by `wanted`: BadConfig that lists what differs from `stored`, or only a
// warning with that list where changes are allowed. Where processes listen and find one another
// is not compared: a resumed run may do so elsewhere.
absl::Status CheckUnchanged(const RunOptions& stored,
                            const RunOptions& wanted,
                            ConfigChange change);

}  // namespace convrec::config
