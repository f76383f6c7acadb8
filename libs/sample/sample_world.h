// The built-in sample (synthetic data) as files: catalog, conversations and a model without
// weights.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/config/run_options.h"
#include "libs/model/model_directory.h"

namespace convrec::sample {

// Whether the run uses the sample for its data (and then also for its model if none is named).
bool UsesSampleWorld(const config::RunOptions& options);

// The run's model before it is loaded: the result of CheckModelDirectory() for model.path, or the
// shape of the sample's model, which is yet to be created. Its errors appear in a job's first
// second. BadConfig without a path unless the data is the sample's.
absl::StatusOr<model::ModelDirectory> CheckModelOf(const config::RunOptions& options);

// `options` with the files of `directory` in place of empty paths.
config::RunOptions WithSamplePaths(config::RunOptions options, const std::string& directory);

// Writes the world of data.world into `directory`, the sample model into its folder "model", and
// the settings that shaped them into "settings.txt". Does nothing when the world is already there.
// BadConfig, naming what differs, when it was made with other settings.
absl::Status WriteSampleWorld(const config::RunOptions& options, const std::string& directory);

// For services that are started on their own. When the run uses the sample, writes it into
// run_dir/world and returns the options with its paths; otherwise returns the options unchanged.
absl::StatusOr<config::RunOptions> ResolveSample(config::RunOptions options);

}  // namespace convrec::sample
