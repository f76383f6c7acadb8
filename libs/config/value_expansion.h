// Environment variables, "~/" and relative paths in values. Internal to this folder.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "libs/config/table.h"

namespace convrec::config {

// Expands `value` as its row reads it: ${VAR} ("$${" stands for "${"), "~/" in paths, and paths of
// the user's data become absolute, from `directory`. The error is a sentence without place.
absl::StatusOr<std::string> ExpandValue(Reading reading,
                                        const std::string& value,
                                        const std::string& directory);

// The text that ExpandValue turns into `value`.
std::string EscapeValue(Reading reading, const std::string& value);

}  // namespace convrec::config
