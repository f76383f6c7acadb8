// The shape of a model that tests create with random values.
#pragma once

#include "libs/model/model_config.h"

namespace convrec::model {

inline ModelConfig SmallConfig() {
  ModelConfig config;
  config.vocab_size = 40;
  config.hidden_size = 16;
  config.intermediate_size = 24;
  config.num_layers = 2;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 4;
  config.max_position_embeddings = 64;
  config.attention_bias = true;
  return config;
}

}  // namespace convrec::model
