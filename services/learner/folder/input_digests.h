// The inputs of a run: a digest of every file that it reads.
//
// They are kept in run_dir/inputs.json and in every checkpoint, so that a resumed run continues
// with the same inputs or reports what is different.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/config/run_options.h"

namespace convrec::learner {

struct InputFile {
  std::string path;
  std::string digest;  // Digest of the file's bytes.
  friend bool operator==(const InputFile&, const InputFile&) = default;
};

// Named as in the configuration: "data.train.path", "model.path/config.json".
using InputDigests = std::map<std::string, InputFile>;

// Reads every file once. Errors name the file.
absl::StatusOr<InputDigests> DigestInputs(const config::RunOptions& options);

// Conversion to and from JSON text; the error names the field.
std::string ToJson(const InputDigests& inputs);
absl::StatusOr<InputDigests> InputDigestsFromJson(const std::string& text);

// One sentence per file that has changed, or is missing on either side.
std::vector<std::string> Differences(const InputDigests& then, const InputDigests& now);

enum class InputChange { kRefused, kAllowed };

// Stores the inputs of a new run.
absl::Status StoreInputs(const std::string& run_dir, const InputDigests& inputs);

// For a run that continues from a checkpoint: compares `now` with the digests in the folder or, if
// these are missing, in the checkpoint, and stores `now`. With kRefused, differences are BadConfig,
// which names every file that differs; otherwise the accepted differences are returned. Runs of an
// earlier release have nothing to compare with.
absl::StatusOr<std::vector<std::string>> CheckInputs(const std::string& run_dir,
                                                     const InputDigests& of_checkpoint,
                                                     const InputDigests& now,
                                                     InputChange change);

}  // namespace convrec::learner
