// The weight files of a Hugging Face model directory: one model.safetensors, or shards with an
// index.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/model/model_config.h"
#include "libs/model/safetensors.h"

namespace convrec::model {

bool HasWeightFiles(const std::string& directory);

// Whether the weight files of a directory hold an output projection that differs from its
// embedding. Then the model does not tie the two, whatever its config.json says.
absl::StatusOr<bool> HasOwnHead(const std::string& directory);

// The parameters of a model as stored in its files, in the order of ParameterTable().
class WeightFiles final {
 public:
  // Opens the files and checks them against `config`: every parameter exactly once, with its shape,
  // in F32, F16 or BF16, and nothing else. Tolerated and ignored are rotary tables, and the copy of
  // the embedding that some files hold as the output projection of a model that ties both.
  static absl::StatusOr<WeightFiles> Open(const std::string& directory, const ModelConfig& config);

  const std::vector<TensorView>& tensors() const { return tensors_; }

 private:
  WeightFiles() = default;
  std::vector<SafetensorsFile> files_;
  std::vector<TensorView> tensors_;
};

constexpr int64_t kShardBytes = 5'000'000'000;

// Writes model.safetensors, or shards of at most `shard_bytes` (but at least one tensor) and their
// index. Removes weight files of an earlier, different sharding.
absl::Status WriteWeightFiles(const std::string& directory,
                              const std::vector<TensorSource>& tensors,
                              const std::string& dtype,
                              int64_t shard_bytes = kShardBytes);

}  // namespace convrec::model
