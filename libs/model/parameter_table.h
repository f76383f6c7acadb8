// Names and shapes of every parameter of a model, as in Hugging Face checkpoints.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libs/model/model_config.h"

namespace convrec::model {

struct ParameterSpec {
  enum class Kind { kMatrix, kNorm, kBias };
  std::string name;  // As in "model.layers.0.mlp.up_proj.weight".
  std::vector<int64_t> shape;
  Kind kind = Kind::kMatrix;  // Determines the initial values.
  int unit = 0;               // See weight_keeper.h.
};

// Each parameter once (a tied output projection is the embedding), in the order of the layers.
std::vector<ParameterSpec> ParameterTable(const ModelConfig& config);

}  // namespace convrec::model
