// Low-rank adapters (LoRA): which matrices of a model have one, the names of its tensors, and the
// file that describes it. Names, shapes and fields are those of PEFT.
//
// A matrix W [N, K] with an adapter acts as W + scale B A, with A [R, K] and B [N, R].
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/model/model_config.h"
#include "libs/model/parameter_table.h"

namespace convrec::model {

struct LoraConfig {
  int64_t rank = 0;  // R; 0 = no adapter, and the other fields are ignored.
  double alpha = 0;
  std::vector<std::string> targets;  // Modules of every layer, as in "q_proj".

  bool is_on() const { return rank > 0; }
  float scale() const { return static_cast<float>(alpha / static_cast<double>(rank)); }
};

// InvalidArgument unless the targets are matrices of a layer, each named once, and none is smaller
// than the rank.
absl::Status CheckLora(const LoraConfig& lora, const ModelConfig& config);

struct AdapterPair {
  std::string parameter;  // The matrix it belongs to.
  ParameterSpec a;
  ParameterSpec b;
};

// The names of the tensors of a matrix's adapter.
struct PairNames {
  std::string a;
  std::string b;
};
PairNames AdapterNames(const std::string& parameter);

// In the order of ParameterTable(). `lora` must have passed CheckLora().
std::vector<AdapterPair> AdapterTable(const ModelConfig& config, const LoraConfig& lora);
int64_t NumAdapterParameters(const ModelConfig& config, const LoraConfig& lora);

inline constexpr char kAdapterConfigFile[] = "adapter_config.json";
inline constexpr char kAdapterWeightsFile[] = "adapter_model.safetensors";

// The content of an adapter_config.json; `base` is where loaders find the base model.
std::string ToAdapterConfigJson(const LoraConfig& lora, const std::string& base);

// Reads adapter_config.json of a directory; the error names file, field and expectation. Refuses
// variants of LoRA that compute more than W + scale B A.
absl::StatusOr<LoraConfig> ReadAdapterConfig(const std::string& directory);

}  // namespace convrec::model
