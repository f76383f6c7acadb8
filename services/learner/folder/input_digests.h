// What a run was started with: a digest of every file that it reads.
//
// Kept in run_dir/inputs.json and in every checkpoint, so that a resumed run goes on with what it
// began with, or says what is different.
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
  std::string digest;  // Of its bytes.
  friend bool operator==(const InputFile&, const InputFile&) = default;
};

// By what the configuration calls them: "data.train.path", "model.path/config.json".
using InputDigests = std::map<std::string, InputFile>;

// Reads every file once. Errors name the file.
absl::StatusOr<InputDigests> DigestInputs(const config::RunOptions& options);

// JSON text and back; the error names the field.
std::string ToJson(const InputDigests& inputs);
absl::StatusOr<InputDigests> InputDigestsFromJson(const std::string& text);

// One sentence per file that is not what it was, or is missing from either side.
std::vector<std::string> Differences(const InputDigests& then, const InputDigests& now);

enum class InputChange { kRefused, kAllowed };

// Keeps what a run begins with.
absl::Status StoreInputs(const std::string& run_dir, const InputDigests& inputs);

// For a run that goes on from a checkpoint: compares `now` with what the folder holds or, where
// that is missing, the checkpoint, and keeps `now`. BadConfig, which names every file that differs,
// with kRefused; those that are taken all the same are returned. What an earlier release has left
// holds nothing to compare with.
absl::StatusOr<std::vector<std::string>> CheckInputs(const std::string& run_dir,
                                                     const InputDigests& of_checkpoint,
                                                     const InputDigests& now,
                                                     InputChange change);

}  // namespace convrec::learner
