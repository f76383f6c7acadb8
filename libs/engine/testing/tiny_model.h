// A model for tests of sampling: two layers, two query heads for each key head, tied embeddings.
#pragma once

#include <vector>

#include "libs/engine/policy.h"
#include "libs/model/decoder.h"

namespace convrec::engine {

inline model::ModelConfig TinyConfig(int64_t vocab_size = 50) {
  model::ModelConfig config;
  config.vocab_size = vocab_size;
  config.hidden_size = 32;
  config.intermediate_size = 48;
  config.num_layers = 2;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 8;
  config.max_position_embeddings = 256;
  config.tie_word_embeddings = true;
  config.initializer_range = 0.3;  // Far from uniform, so that equal results mean something.
  return config;
}

// The decoder's weights as a learner would send them; they point into the decoder.
inline std::vector<PolicyTensor> TensorsOf(const model::Decoder& decoder) {
  std::vector<PolicyTensor> tensors;
  for (const auto& [name, tensor] : decoder.parameters()) {
    tensors.push_back({.name = name,
                       .dtype = "F32",
                       .shape = tensor.sizes().vec(),
                       .data = static_cast<const char*>(tensor.const_data_ptr()),
                       .size_bytes = tensor.nbytes()});
  }
  return tensors;
}

}  // namespace convrec::engine
