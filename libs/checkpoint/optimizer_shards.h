// Reads the optimizer's moments of a checkpoint, however many ranks wrote them.
//
// Shard 2 of 4 is optimizer-00002-of-00004.safetensors. Its tensors are pieces of moments, flat and
// float32: "exp_avg.model.norm.weight[128:256]" has elements 128 to 255. A tensor without a range
// is a whole moment, as in format 1.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/checkpoint/manifest.h"
#include "libs/model/safetensors.h"

namespace convrec::checkpoint {

// File name of shard 0, 1, ...
std::string ShardFileName(int shard, int num_shards);

// The files of a checkpoint's shards; none when it was written without an optimizer.
std::vector<std::string> ShardFileNames(const Checkpoint& checkpoint);

std::string PieceName(const std::string& moment, int64_t begin, int64_t size);

// The files are mapped; pages are loaded as they are read. Immutable.
class OptimizerShards final {
 public:
  // FailedPrecondition when the checkpoint was written without an optimizer.
  static absl::StatusOr<OptimizerShards> Open(const Checkpoint& checkpoint);

  // InvalidArgument unless there are exactly the moments of these names and sizes, with each
  // element present once.
  absl::Status Check(const std::map<std::string, int64_t>& sizes) const;

  // Reads elements [begin, begin + size) from whichever pieces have them.
  absl::Status Read(const std::string& moment, int64_t begin, int64_t size, float* out) const;

 private:
  struct Piece {
    int64_t begin = 0;
    int64_t size = 0;
    const uint8_t* bytes = nullptr;
  };

  OptimizerShards() = default;
  absl::Status Add(const model::SafetensorsFile& file);

  std::vector<model::SafetensorsFile> files_;
  std::map<std::string, std::vector<Piece>> moments_;  // Pieces in ascending order.
};

}  // namespace convrec::checkpoint
