// The embedded sample as files: catalog, conversations and a model without weights.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/config/run_options.h"
#include "libs/model/model_directory.h"

namespace convrec::sample {

// Whether the run uses the sample for its data (then also for a model that is not named).
bool UsesSampleWorld(const config::RunOptions& options);

// The run's model before it is loaded: what CheckModelDirectory() finds in model.path, or the shape
// of the sample's model, which is still to be made. Its errors are those of a job's first second;
// BadConfig without a path, where the data are not the sample's.
absl::StatusOr<model::ModelDirectory> CheckModelOf(const config::RunOptions& options);

// `options` with the files of `directory` in place of the paths that are empty.
config::RunOptions WithSamplePaths(config::RunOptions options, const std::string& directory);

// Writes the world of data.world into `directory`, the sample model into its folder "model", and
// the settings that shaped them into "settings.txt". Does nothing when it is there already;
// BadConfig, with what differs, when that one was made with other settings.
absl::Status WriteSampleWorld(const config::RunOptions& options, const std::string& directory);

// For services that are started on their own: when the run uses the sample, writes it into
// run_dir/world and gives the options with its paths; otherwise the options as they are.
absl::StatusOr<config::RunOptions> ResolveSample(config::RunOptions options);

}  // namespace convrec::sample
