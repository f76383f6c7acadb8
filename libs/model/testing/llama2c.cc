#include "libs/model/testing/llama2c.h"

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/files.h"

namespace convrec::model {
namespace {

constexpr int64_t kBeginOfText = 1;

// Reads values from the front of a file's bytes.
class Reader {
 public:
  explicit Reader(const std::string& path) : bytes_(*base::ReadFile(path)) {}

  template <typename T>
  T Number() {
    T value;
    CR_CHECK(position_ + sizeof(T) <= bytes_.size());
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }
  at::Tensor Floats(at::IntArrayRef shape) {
    at::Tensor tensor = at::empty(shape, at::kFloat);
    const size_t size = static_cast<size_t>(tensor.numel()) * sizeof(float);
    CR_CHECK(position_ + size <= bytes_.size());
    std::memcpy(tensor.data_ptr(), bytes_.data() + position_, size);
    position_ += size;
    return tensor;
  }
  std::string Text(size_t size) {
    CR_CHECK(position_ + size <= bytes_.size());
    position_ += size;
    return bytes_.substr(position_ - size, size);
  }

 private:
  const std::string bytes_;
  size_t position_ = 0;
};

// Interleaved rotary pairs (2 i, 2 i + 1) of each head become the halves (i, i + E/2).
at::Tensor Deinterleave(const at::Tensor& weight, int64_t heads) {
  const int64_t rows = weight.size(0);
  return weight.view({heads, rows / heads / 2, 2, weight.size(1)})
      .transpose(1, 2)
      .reshape(weight.sizes());
}

}  // namespace

std::unique_ptr<Decoder> ReadLlama2c(const std::string& path) {
  at::set_num_threads(1);  // Such a model is far too small for several threads.
  Reader reader(path);
  ModelConfig config;
  config.hidden_size = reader.Number<int32_t>();
  config.intermediate_size = reader.Number<int32_t>();
  config.num_layers = reader.Number<int32_t>();
  config.num_heads = reader.Number<int32_t>();
  config.num_kv_heads = reader.Number<int32_t>();
  config.vocab_size = reader.Number<int32_t>();
  config.max_position_embeddings = reader.Number<int32_t>();
  config.head_dim = config.hidden_size / config.num_heads;
  config.rms_norm_eps = 1e-5;
  config.tie_word_embeddings = true;
  const int64_t d = config.hidden_size;
  const int64_t layers = config.num_layers;
  const int64_t kv_width = config.num_kv_heads * config.head_dim;
  std::vector<NamedTensor> tensors = {
      {"model.embed_tokens.weight", reader.Floats({config.vocab_size, d})}};
  const auto per_layer = [&](const std::string& name,
                             const at::Tensor& all,
                             int64_t interleaved_heads = 0) {
    for (int64_t i = 0; i < layers; ++i) {
      tensors.push_back({absl::StrCat("model.layers.", i, ".", name, ".weight"),
                         interleaved_heads > 0 ? Deinterleave(all[i], interleaved_heads) : all[i]});
    }
  };
  per_layer("input_layernorm", reader.Floats({layers, d}));
  per_layer("self_attn.q_proj", reader.Floats({layers, d, d}), config.num_heads);
  per_layer("self_attn.k_proj", reader.Floats({layers, kv_width, d}), config.num_kv_heads);
  per_layer("self_attn.v_proj", reader.Floats({layers, kv_width, d}));
  per_layer("self_attn.o_proj", reader.Floats({layers, d, d}));
  per_layer("post_attention_layernorm", reader.Floats({layers, d}));
  per_layer("mlp.gate_proj", reader.Floats({layers, config.intermediate_size, d}));
  per_layer("mlp.down_proj", reader.Floats({layers, d, config.intermediate_size}));
  per_layer("mlp.up_proj", reader.Floats({layers, config.intermediate_size, d}));
  tensors.push_back({"model.norm.weight", reader.Floats({d})});
  std::unique_ptr<Decoder> decoder = std::move(*MakeDecoder(config, {}));
  const absl::Status status = decoder->Load(tensors);
  CR_CHECK(status.ok(), status.ToString());
  return decoder;
}

std::vector<std::string> ReadLlama2cPieces(const std::string& path, int64_t vocab_size) {
  Reader reader(path);
  reader.Number<int32_t>();  // Longest piece.
  std::vector<std::string> pieces;
  for (int64_t i = 0; i < vocab_size; ++i) {
    reader.Number<float>();  // Merge score.
    const int32_t size = reader.Number<int32_t>();
    pieces.push_back(reader.Text(static_cast<size_t>(size)));
  }
  return pieces;
}

std::string PieceBytes(const std::string& piece, int64_t previous_id) {
  unsigned byte = 0;
  if (std::sscanf(piece.c_str(), "<0x%02X>", &byte) == 1)
    return std::string(1, static_cast<char>(byte));
  return previous_id == kBeginOfText && !piece.empty() && piece[0] == ' ' ? piece.substr(1) : piece;
}

}  // namespace convrec::model
