#include "libs/model/parameter_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/model/weight_keeper.h"

namespace convrec::model {

std::vector<ParameterSpec> ParameterTable(const ModelConfig& config) {
  using Kind = ParameterSpec::Kind;
  std::vector<ParameterSpec> table;
  const int64_t d = config.hidden_size;
  const int64_t query_width = config.num_heads * config.head_dim;
  const int64_t kv_width = config.num_kv_heads * config.head_dim;
  const UnitOrder order(config);
  int unit = order.embedding();
  const auto add = [&](const std::string& name, std::vector<int64_t> shape, Kind kind) {
    table.push_back({name, std::move(shape), kind, unit});
  };
  const auto projection = [&](const std::string& name, int64_t rows, int64_t columns, bool biased) {
    add(name + ".weight", {rows, columns}, Kind::kMatrix);
    if (biased) add(name + ".bias", {rows}, Kind::kBias);
  };
  add("model.embed_tokens.weight", {config.vocab_size, d}, Kind::kMatrix);
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    const std::string prefix = absl::StrCat("model.layers.", layer, ".");
    unit = order.layer(static_cast<int>(layer));
    add(prefix + "input_layernorm.weight", {d}, Kind::kNorm);
    projection(prefix + "self_attn.q_proj", query_width, d, config.attention_bias);
    projection(prefix + "self_attn.k_proj", kv_width, d, config.attention_bias);
    projection(prefix + "self_attn.v_proj", kv_width, d, config.attention_bias);
    projection(prefix + "self_attn.o_proj", d, query_width, config.output_bias);
    if (config.qk_norm) {
      add(prefix + "self_attn.q_norm.weight", {config.head_dim}, Kind::kNorm);
      add(prefix + "self_attn.k_norm.weight", {config.head_dim}, Kind::kNorm);
    }
    add(prefix + "post_attention_layernorm.weight", {d}, Kind::kNorm);
    projection(prefix + "mlp.gate_proj", config.intermediate_size, d, config.mlp_bias);
    projection(prefix + "mlp.up_proj", config.intermediate_size, d, config.mlp_bias);
    projection(prefix + "mlp.down_proj", d, config.intermediate_size, config.mlp_bias);
  }
  unit = order.output();
  add("model.norm.weight", {d}, Kind::kNorm);
  if (!config.tie_word_embeddings) {
    add("lm_head.weight", {config.vocab_size, d}, Kind::kMatrix);
  }
  return table;
}

int64_t NumParameters(const ModelConfig& config) {
  int64_t total = 0;
  for (const ParameterSpec& spec : ParameterTable(config)) {
    int64_t size = 1;
    for (const int64_t extent : spec.shape) size *= extent;
    total += size;
  }
  return total;
}

}  // namespace convrec::model
