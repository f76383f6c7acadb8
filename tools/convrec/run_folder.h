// The folder of a run: who may write to it, and with which configuration.
//
//   config.yaml     the resolved configuration, loadable again
//   world/          the sample world, when the run uses it
//   logs/, ports/   of the processes
//   metrics.jsonl, log.txt, checkpoints/   written while it runs
//   report.html, summary.json              written at its end
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "libs/config/run_options.h"

namespace convrec::cli {

// Held for the length of a job; the kernel lets go of it when the process dies.
class RunFolderLock final {
 public:
  RunFolderLock(RunFolderLock&& other) noexcept;
  RunFolderLock& operator=(RunFolderLock&&) = delete;
  ~RunFolderLock();

  // BadConfig when another process holds the folder.
  static absl::StatusOr<RunFolderLock> Take(const std::string& run_dir);

 private:
  explicit RunFolderLock(int fd) : fd_(fd) {}
  int fd_;
};

struct RunFolderRequest {
  bool resume = false;
  bool allow_config_change = false;
};

struct RunFolder {
  config::RunOptions
      options;  // As the children get them: absolute paths, the sample's files filled in.
  bool is_resumed = false;     // There was a run; otherwise it starts fresh.
  bool is_finished = false;    // And it had come to its end.
  double earlier_seconds = 0;  // Wall clock of its earlier starts.
};

// Makes the folder and writes config.yaml (and the sample world). BadConfig, with what to do, for
// - a folder that holds a run, without `resume`; a folder that holds something else;
// - a configuration that differs from the run's, without `allow_config_change`.
// With `resume` and no run in the folder a fresh run starts.
absl::StatusOr<RunFolder> PrepareRunFolder(const config::RunOptions& options,
                                           const RunFolderRequest& request);

}  // namespace convrec::cli
