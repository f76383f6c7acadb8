// Environment variables, "~/" and relative paths in values.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace convrec::config {

// Expands `value` of `key`: ${VAR} in every key but data.instruction ("$${" stands for "${"), "~/"
// in keys that hold a path, and for model.path and data.* paths a relative path becomes absolute,
// from `directory`. The error is a sentence without place.
absl::StatusOr<std::string> ExpandValue(const std::string& key,
                                        const std::string& value,
                                        const std::string& directory);

// The text that ExpandValue turns into `value`.
std::string EscapeValue(const std::string& key, const std::string& value);

}  // namespace convrec::config
