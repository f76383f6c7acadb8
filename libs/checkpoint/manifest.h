// The files of a checkpoint, and whether they are still intact.
//
// A checkpoint is a folder under a root. It holds a model directory that other tools can load
// (model.safetensors or its shards, config.json, the tokenizer's files), the optimizer's shards,
// and the manifest trainer_state.json: its place in the sequence, the caller's own text, and the
// size and XXH3-128 digest of every file, the manifest included. Format 1 had no digests and one
// unsharded optimizer.safetensors; it can still be read. Functions are thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace convrec::checkpoint {

struct CheckpointFile {
  std::string name = {};
  int64_t size_bytes = 0;
  std::string digest = {};
};

struct Checkpoint {
  std::string directory;  // For model::LoadDecoder(), or model::LoadAdapter().
  std::string name;       // The folder's name, as in "rl-50".
  std::string caller_state;
  int64_t sequence = 0;  // +1 per checkpoint under a root.
  int64_t optimizer_steps = 0;
  bool has_optimizer = false;
  bool keep_always = false;  // Never removed to make room.
  // All files but the manifest; empty in format 1, where damage cannot be detected.
  std::vector<CheckpointFile> files;
};

inline constexpr char kManifestFile[] = "trainer_state.json";

// The folder that holds a run's checkpoints.
std::string CheckpointRoot(const std::string& run_dir);

// Size and digest of the file as it is now.
absl::StatusOr<CheckpointFile> DescribeFile(const std::string& path);

// Writes it into checkpoint.directory.
absl::Status WriteManifest(const Checkpoint& checkpoint);
// Reads the manifest alone. DataLoss when it is damaged.
absl::StatusOr<Checkpoint> ReadManifest(const std::string& root, const std::string& name);

// The checkpoints with a readable manifest, the newest first.
std::vector<Checkpoint> ListCheckpoints(const std::string& root);

// Reads every file once. DataLoss names the first one that is missing or differs from what was
// written.
absl::Status VerifyFiles(const Checkpoint& checkpoint);

// The checkpoint that the file "latest" names, otherwise the newest; empty when there is none.
absl::StatusOr<std::string> NewestName(const std::string& root);

// The checkpoint that NewestName() names; nullopt when there is none. Verifies its files: a damaged
// file is an error that names it and the newest intact checkpoint.
absl::StatusOr<std::optional<Checkpoint>> LoadNewestCheckpoint(const std::string& root);

// Makes "latest" name this checkpoint.
absl::Status MarkLatest(const std::string& root, const std::string& name);

}  // namespace convrec::checkpoint
