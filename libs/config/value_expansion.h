// Environment variables, "~/" and relative paths in values. Internal to this folder.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "libs/config/table.h"

namespace convrec::config {

// Expands `value` in the way its row is read: ${VAR} ("$${" means a literal "${"), "~/" in paths,
// and paths to the user's data become absolute, starting at `directory`. The error is a sentence
// without a position.
absl::StatusOr<std::string> ExpandValue(Reading reading,
                                        const std::string& value,
                                        const std::string& directory);

// The text that ExpandValue turns into `value`.
std::string EscapeValue(Reading reading, const std::string& value);

}  // namespace convrec::config
