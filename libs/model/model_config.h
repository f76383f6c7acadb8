// Shape of a decoder-only language model, as read from a Hugging Face config.json.
//
// Llama, Qwen2 and Qwen3 differ only in fields; there is one decoder for all of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/model/rope_scaling.h"

namespace convrec::model {

struct ModelConfig {
  std::string model_type = "llama";  // "llama", "qwen2" or "qwen3".
  int64_t vocab_size = 0;            // V
  int64_t hidden_size = 0;           // D
  int64_t intermediate_size = 0;     // F
  int64_t num_layers = 0;            // L
  int64_t num_heads = 0;             // H
  int64_t num_kv_heads = 0;          // K, divides H
  int64_t head_dim = 0;              // E, even
  int64_t max_position_embeddings = 0;
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000.0;
  RopeScaling rope_scaling;
  bool tie_word_embeddings = false;
  bool attention_bias = false;  // Biases of q, k and v (Qwen2).
  bool output_bias = false;     // Bias of the attention output (Llama with attention_bias).
  bool mlp_bias = false;
  bool qk_norm = false;  // RMS norm of each query and key head (Qwen3).
  double initializer_range = 0.02;
  // "bos_token_id", "eos_token_id" (a list or one) and "pad_token_id", kept unchanged, because
  // config.json may be the only file that names the end of a text.
  std::optional<int64_t> bos_token_id;
  std::vector<int64_t> eos_token_ids;
  std::optional<int64_t> pad_token_id;
};

// Reads and checks config.json; the error names file, field and expectation. Refuses architectures
// and features (sliding windows that take effect, other rope types, quantized weights) that are not
// supported. For a model directory use ReadModelDirectory(), which also checks its weights.
absl::StatusOr<ModelConfig> ReadModelConfig(const std::string& path);

// The same for the text of a config.json; errors use `name` as the name of the file.
absl::StatusOr<ModelConfig> ParseModelConfig(const std::string& text, const std::string& name);

// The content of a config.json for transformers to load.
std::string ToConfigJson(const ModelConfig& config, const std::string& torch_dtype);

// Number of parameters of the model, with tied embeddings counted once.
int64_t NumParameters(const ModelConfig& config);

}  // namespace convrec::model
