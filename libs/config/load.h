// From files and overrides to a complete, valid RunOptions.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/config/run_options.h"

namespace convrec::config {

// Merges, in this order: the defaults of the sections, the keys that `compat: reference`
// changes (when the run chooses it), `files` (YAML; JSON is a part of it), `overrides`
// ("learner.steps=5", the value in YAML). A later value replaces an earlier one key by key; an
// absent key changes nothing.
//
// ${VAR} in a value is replaced by the environment variable ("$${" stands for "${"), a path may
// start with "~/", and a relative path of model.path or data.* is taken from the folder of the file
// that sets it (from the working directory in an override), so those paths come out absolute.
//
// A key in a file that earlier versions had is dropped with a warning.
//
// Every error is BadConfig (exit code 78) and names the place: "FILE:LINE: unknown key "lerner";
// did you mean "learner"?". A file that cannot be read is BadConfig too. Reads files and the
// environment; does not touch anything else.
absl::StatusOr<RunOptions> LoadRunOptions(const std::vector<std::string>& files,
                                          const std::vector<std::string>& overrides);

}  // namespace convrec::config
