// Checkpoints: what a run needs to go on as if it had never stopped.
//
// A checkpoint is a folder under a root:
//   <name>/model.safetensors, config.json and the tokenizer's files: a model directory that other
//   tools load; <name>/optimizer.safetensors: the moments, absent when the checkpoint was taken
//   without optimizer; <name>/trainer_state.json: optimizer steps, place in the sequence, and text
//   of the caller's own.
// It is written to a fresh folder, synced and renamed, and only then named by the file "latest", so
// a torn folder is never loaded. One writer per root; not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/model/decoder.h"
#include "services/learner/train/trainer.h"

namespace convrec::learner {

// Where the checkpoints of a run lie.
std::string CheckpointRoot(const std::string& run_dir);

struct CheckpointOptions {
  std::string root;
  std::string name;  // Folder name, as in "rl-50"; an older one of that name is replaced.
  std::string source_directory;  // Model directory the tokenizer's files are copied from.
  std::string caller_state;      // Given back as it is.
  bool keep_always = false;      // Never removed to make room, as the end of a stage.
  int keep = 3;                  // Of the others the newest are kept; at least 1.
  std::string best = {};         // Kept as well, when there is one of that name.
};

// `optimizer` may be null. A failed write leaves all older checkpoints as they were.
absl::Status WriteCheckpoint(const CheckpointOptions& options,
                             const model::Decoder& policy,
                             const OptimizerState* optimizer);

struct Checkpoint {
  std::string directory;  // For model::LoadDecoder().
  std::string name;
  std::string caller_state;
  int64_t sequence = 0;  // +1 per checkpoint of a root.
  int64_t optimizer_steps = 0;
  bool has_optimizer = false;
  bool keep_always = false;
};

// The one "latest" names, else the newest whole one; none without any. A damaged file is an error
// that names it.
absl::StatusOr<std::optional<Checkpoint>> LoadNewestCheckpoint(const std::string& root);

// Puts moments and step count into the optimizer of a trainer of the same model, on any number of
// ranks.
absl::Status RestoreOptimizer(const Checkpoint& checkpoint, Trainer* trainer);

// Writes weights, config.json and tokenizer files as a model directory that other tools load.
absl::Status ExportModel(const model::Decoder& policy,
                         const std::string& source_directory,
                         const std::string& directory);

}  // namespace convrec::learner
