// What a checkpoint consists of, and whether it still does.
//
// A checkpoint is a folder under a root, which holds a model directory that other tools load
// (model.safetensors or its shards, config.json, the tokenizer's files), the optimizer's shards,
// and the manifest trainer_state.json: place in the sequence, text of the caller's own, and size
// and XXH3-128 digest of every file, the manifest included. Format 1 had no digests and one whole
// optimizer.safetensors; it is read as well. Functions are thread-safe.
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
  std::string name;       // Of the folder, as in "rl-50".
  std::string caller_state;
  int64_t sequence = 0;  // +1 per checkpoint of a root.
  int64_t optimizer_steps = 0;
  bool has_optimizer = false;
  bool keep_always = false;  // Never removed to make room.
  // All but the manifest; empty in format 1, so that nothing is known to be damaged.
  std::vector<CheckpointFile> files;
};

inline constexpr char kManifestFile[] = "trainer_state.json";

// Where the checkpoints of a run lie.
std::string CheckpointRoot(const std::string& run_dir);

// Size and digest as the file is now.
absl::StatusOr<CheckpointFile> DescribeFile(const std::string& path);

// Into checkpoint.directory.
absl::Status WriteManifest(const Checkpoint& checkpoint);
// Reads the manifest alone. DataLoss when it is damaged.
absl::StatusOr<Checkpoint> ReadManifest(const std::string& root, const std::string& name);

// Those with a manifest that can be read, the newest first.
std::vector<Checkpoint> ListCheckpoints(const std::string& root);

// Reads every file once. DataLoss names the first that is missing or is not what was written.
absl::Status VerifyFiles(const Checkpoint& checkpoint);

// Name of the one that the file "latest" names, else of the newest; empty without any.
absl::StatusOr<std::string> NewestName(const std::string& root);

// That one; none without any. Its files are verified: a damaged one is an error that names the file
// and the newest checkpoint that is whole.
absl::StatusOr<std::optional<Checkpoint>> LoadNewestCheckpoint(const std::string& root);

// Makes it the one that "latest" names.
absl::Status MarkLatest(const std::string& root, const std::string& name);

}  // namespace convrec::checkpoint
