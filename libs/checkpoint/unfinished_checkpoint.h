// A checkpoint while it is written: a hidden folder next to the older ones, which stay unchanged
// until it is complete.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/checkpoint/folders.h"
#include "libs/checkpoint/manifest.h"

namespace convrec::checkpoint {

struct CheckpointOptions {
  std::string root = {};
  std::string name = {};  // Folder name, as in "rl-50"; an older one of that name is replaced.
  std::string source_directory = {};  // Model directory the tokenizer's files are copied from.
  std::string prompt = {};            // Text of the model's convrec.json; "" = none.
  std::string caller_state = {};      // Returned unchanged.
  bool keep_always = false;           // Never removed to make room, as for the end of a stage.
  int keep = 3;                       // How many of the others are kept, newest first; at least 1.
  std::string best = {};              // Name of a checkpoint that is kept as well, if it exists.
};

// One at a time per root. Without Commit() the destructor removes the folder.
class UnfinishedCheckpoint final {
 public:
  // Removes what an earlier process left unfinished.
  static absl::StatusOr<UnfinishedCheckpoint> Create(const CheckpointOptions& options);

  // Where to write: a folder directly under the root.
  const std::string& path() const { return folder_.path(); }

  // For the manifest.
  void SetOptimizer(int64_t num_steps);

  // Digests the files that are not in `described`, writes the manifest, gives the folder its name
  // and removes older checkpoints beyond those to be kept.
  absl::Status Commit(const std::vector<CheckpointFile>& described);

 private:
  UnfinishedCheckpoint(const CheckpointOptions& options,
                       Checkpoint checkpoint,
                       FolderReplacement folder);

  CheckpointOptions options_;
  Checkpoint checkpoint_;
  FolderReplacement folder_;
};

}  // namespace convrec::checkpoint
