// Merges YAML into a table. Internal to this folder.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "libs/config/table.h"

namespace convrec::config {

// Where each key was set last, as "FILE:LINE" or "override KEY=VALUE".
using Origins = std::map<std::string, std::string>;

// Sets every key of the document in the options of `table`. Relative paths in model.path and data.*
// start at `directory`. BadConfig as described in load.h.
absl::Status MergeYaml(const std::string& text,
                       const std::string& file,
                       const std::string& directory,
                       const Table& table,
                       Origins* origins);

// Sets the one key of "learner.steps=5". The value of a text key is taken literally unless it is
// quoted; any other value is YAML.
absl::Status MergeOverride(const std::string& assignment, const Table& table, Origins* origins);

}  // namespace convrec::config
