// Prepares the folder of a run for a job, with its configuration.
//
//   config.yaml     the resolved configuration, loadable again
//   world/          the sample world, when the run uses it
//   logs/, ports/   of the processes
//   metrics.jsonl, log.txt, checkpoints/   written while it runs
//   report.html, summary.json              written at its end
//   earlier-1/ ...  runs that were overwritten
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "libs/config/run_options.h"

namespace convrec::cli {

struct RunFolderRequest {
  bool resume = false;
  bool overwrite = false;  // An existing run is moved aside.
  bool allow_config_change = false;
  std::string resume_command =
      "the same command with --resume";  // For the sentence that refuses a folder with a run.
};

struct RunFolder {
  config::RunOptions
      options;  // As the children get them: absolute paths, the sample's files filled in.
  bool is_resumed = false;     // There was a run with a checkpoint; otherwise it starts fresh.
  bool is_finished = false;    // And it had come to its end.
  double earlier_seconds = 0;  // Wall clock of its earlier starts.
};

// Creates the folder and writes config.yaml (and the sample world); the caller holds its lock.
// BadConfig, which says what to do, for
// - a folder that contains a run, without `resume` or `overwrite`, or that contains other files;
// - a configuration that differs from the run's, without `allow_config_change`.
// With `resume` and no run in the folder a fresh run starts. A start that ended before its first
// checkpoint is no run: the next one takes its place, with any configuration, and what it has
// logged is moved aside.
absl::StatusOr<RunFolder> PrepareRunFolder(const config::RunOptions& options,
                                           const RunFolderRequest& request);

}  // namespace convrec::cli
