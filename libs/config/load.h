// Loads a complete, valid RunOptions from files and overrides.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/config/run_options.h"

namespace convrec::config {

// Merges, in this order: the defaults of the sections, the keys that `compat: reference` changes
// (when the run chooses it), `files` (YAML, of which JSON is a subset), `overrides`
// ("learner.steps=5", the value in YAML). A later value replaces an earlier one key by key; an
// absent key changes nothing.
//
// ${VAR} in a value is replaced by the environment variable ("$${" means a literal "${"). A path
// may start with "~/". A relative path in model.path or data.* starts at the folder of the file
// that sets it (in an override, at the working directory), so those paths are absolute in the
// result.
//
// A key in a file that only earlier versions had is dropped with a warning.
//
// Every error is BadConfig (exit code 78) and names the place: "FILE:LINE: unknown key "lerner";
// did you mean "learner"?". A file that cannot be read is BadConfig too. Reads files and the
// environment; touches nothing else.
absl::StatusOr<RunOptions> LoadRunOptions(const std::vector<std::string>& files,
                                          const std::vector<std::string>& overrides);

}  // namespace convrec::config
