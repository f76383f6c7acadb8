#include "libs/model/decoder.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/csrc/autograd/grad_mode.h>
#include <torch/types.h>

#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "libs/model/gated_silu.h"
#include "libs/model/packed_matrix.h"
#include "libs/model/parameter_table.h"
#include "libs/model/rms_norm.h"
#include "libs/model/rotary.h"

// Shapes: M tokens, D model width, H query heads, K key/value heads, E head width, F MLP width.
namespace convrec::model {
namespace {

struct Layer {
  at::Tensor input_norm_D;
  PackedMatrix qkv;  // Rows of q, k, v.
  PackedMatrix qkv_bias;
  at::Tensor q_norm_E;
  at::Tensor k_norm_E;
  PackedMatrix output;
  PackedMatrix output_bias;
  at::Tensor mlp_norm_D;
  PackedMatrix gate_up;  // Rows of gate, up.
  PackedMatrix gate_up_bias;
  PackedMatrix down;
  PackedMatrix down_bias;
};

// x + input @ weight^T + bias; in place of x where no gradient is recorded.
at::Tensor AddProduct(at::Tensor x,
                      const at::Tensor& input,
                      const at::Tensor& weight,
                      const at::Tensor& bias) {
  if (at::GradMode::is_enabled()) {
    const at::Tensor sum = at::addmm(x, input, weight.t());
    return bias.defined() ? sum + bias : sum;
  }
  x.addmm_(input, weight.t());
  if (bias.defined()) x.add_(bias);
  return x;
}

class TransformerDecoder final : public Decoder {
 public:
  TransformerDecoder(const ModelConfig& config, at::Device device, bool trainable)
      : config_(config),
        device_(device),
        trainable_(trainable),
        frequencies_(RotaryFrequencies(config).to(device)) {
    std::unordered_map<std::string, at::Tensor> by_name;
    embedding_VD_ =
        Matrix("model.embed_tokens.weight", config.vocab_size, config.hidden_size, &by_name);
    for (int64_t i = 0; i < config.num_layers; ++i) {
      layers_.push_back(MakeLayer(absl::StrCat("model.layers.", i, "."), &by_name));
    }
    final_norm_D_ = Vector("model.norm.weight", config.hidden_size, &by_name);
    head_VD_ = config.tie_word_embeddings
                   ? embedding_VD_
                   : Matrix("lm_head.weight", config.vocab_size, config.hidden_size, &by_name);
    for (const ParameterSpec& spec : ParameterTable(config)) {
      const auto it = by_name.find(spec.name);
      CR_CHECK(it != by_name.end() && it->second.sizes() == at::IntArrayRef(spec.shape), spec.name);
      parameters_.push_back({spec.name, it->second});
    }
    CR_CHECK(parameters_.size() == by_name.size());
  }

  const ModelConfig& config() const override { return config_; }
  at::Device device() const override { return device_; }
  const std::vector<NamedTensor>& parameters() const override { return parameters_; }
  at::Tensor head_weight_VD() const override { return head_VD_; }

  at::Tensor Trunk(const at::Tensor& token_ids_M,
                   const at::Tensor& positions_M,
                   Attention* attention) const override {
    const Rotation rotation = MakeRotation(positions_M, frequencies_);
    at::Tensor hidden_MD = at::embedding(embedding_VD_, token_ids_M);
    for (size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = layers_[i];
      const at::Tensor attended =
          Attend(static_cast<int>(i),
                 RmsNorm(hidden_MD, layer.input_norm_D, config_.rms_norm_eps),
                 rotation,
                 attention);
      hidden_MD = AddProduct(hidden_MD, attended, layer.output.Whole(), layer.output_bias.Whole());
      const at::Tensor normed = RmsNorm(hidden_MD, layer.mlp_norm_D, config_.rms_norm_eps);
      const at::Tensor gated =
          GatedSilu(at::linear(normed, layer.gate_up.Whole(), layer.gate_up_bias.Whole()));
      hidden_MD = AddProduct(hidden_MD, gated, layer.down.Whole(), layer.down_bias.Whole());
    }
    return RmsNorm(hidden_MD, final_norm_D_, config_.rms_norm_eps);
  }

  at::Tensor Logits(const at::Tensor& hidden_MD) const override {
    return at::linear(hidden_MD, head_VD_);
  }

  absl::Status Load(const std::vector<NamedTensor>& tensors) override {
    std::unordered_map<std::string, const at::Tensor*> by_name;
    for (const NamedTensor& given : tensors) {
      if (!by_name.emplace(given.name, &given.tensor).second) {
        return absl::InvalidArgumentError(absl::StrCat("tensor ", given.name, " is given twice"));
      }
    }
    for (const NamedTensor& parameter : parameters_) {
      const auto it = by_name.find(parameter.name);
      if (it == by_name.end()) {
        return absl::InvalidArgumentError(absl::StrCat("tensor ", parameter.name, " is missing"));
      }
      if (it->second->sizes() != parameter.tensor.sizes()) {
        return absl::InvalidArgumentError(
            absl::StrCat("tensor ",
                         parameter.name,
                         " has shape [",
                         absl::StrJoin(it->second->sizes(), ", "),
                         "], expected [",
                         absl::StrJoin(parameter.tensor.sizes(), ", "),
                         "]"));
      }
      by_name.erase(it);
    }
    if (!by_name.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", by_name.begin()->first, " is no parameter of this model"));
    }
    const at::NoGradGuard no_grad;
    std::unordered_map<std::string, at::Tensor> targets;
    for (const NamedTensor& parameter : parameters_)
      targets.emplace(parameter.name, parameter.tensor);
    for (const NamedTensor& given : tensors) targets.at(given.name).copy_(given.tensor);
    ParametersChanged();
    return absl::OkStatus();
  }

  // Packed matrices share the memory of their parts: there is nothing to make anew on any device.
  void ParametersChanged() override {}

  void Randomize(uint64_t seed) {
    const at::NoGradGuard no_grad;
    at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
    const std::vector<ParameterSpec> table = ParameterTable(config_);
    for (size_t i = 0; i < table.size(); ++i) {
      at::Tensor parameter = parameters_[i].tensor;
      if (table[i].kind == ParameterSpec::Kind::kNorm) parameter.fill_(1.0);
      if (table[i].kind == ParameterSpec::Kind::kBias) parameter.zero_();
      if (table[i].kind != ParameterSpec::Kind::kMatrix) continue;
      at::Tensor values = at::empty(parameter.sizes(), at::kFloat);
      values.normal_(0.0, config_.initializer_range, generator);
      parameter.copy_(values);
    }
    ParametersChanged();
  }

 private:
  using ByName = std::unordered_map<std::string, at::Tensor>;

  at::Tensor Matrix(const std::string& name, int64_t rows, int64_t columns, ByName* by_name) const {
    return Pack({name}, {rows}, columns, by_name).parts()[0];
  }
  at::Tensor Vector(const std::string& name, int64_t size, ByName* by_name) const {
    return Pack({name}, {size}, 0, by_name).parts()[0];
  }
  PackedMatrix Pack(const std::vector<std::string>& names,
                    const std::vector<int64_t>& rows,
                    int64_t columns,
                    ByName* by_name) const {
    PackedMatrix packed(rows, columns, device_, trainable_);
    for (size_t i = 0; i < names.size(); ++i) by_name->emplace(names[i], packed.parts()[i]);
    return packed;
  }

  Layer MakeLayer(const std::string& prefix, ByName* by_name) const {
    const int64_t d = config_.hidden_size;
    const std::vector<int64_t> qkv_rows = {config_.num_heads * config_.head_dim,
                                           config_.num_kv_heads * config_.head_dim,
                                           config_.num_kv_heads * config_.head_dim};
    const std::vector<int64_t> gate_up_rows(2, config_.intermediate_size);
    const auto names = [&](const std::vector<std::string>& modules, const char* suffix) {
      std::vector<std::string> result;
      for (const std::string& module : modules) result.push_back(prefix + module + suffix);
      return result;
    };
    const std::vector<std::string> qkv = {
        "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"};
    const std::vector<std::string> gate_up = {"mlp.gate_proj", "mlp.up_proj"};
    const std::vector<std::string> output = {"self_attn.o_proj"};
    const std::vector<std::string> down = {"mlp.down_proj"};
    Layer layer;
    layer.input_norm_D = Vector(prefix + "input_layernorm.weight", d, by_name);
    layer.mlp_norm_D = Vector(prefix + "post_attention_layernorm.weight", d, by_name);
    layer.qkv = Pack(names(qkv, ".weight"), qkv_rows, d, by_name);
    layer.output = Pack(names(output, ".weight"), {d}, qkv_rows[0], by_name);
    layer.gate_up = Pack(names(gate_up, ".weight"), gate_up_rows, d, by_name);
    layer.down = Pack(names(down, ".weight"), {d}, config_.intermediate_size, by_name);
    if (config_.attention_bias) layer.qkv_bias = Pack(names(qkv, ".bias"), qkv_rows, 0, by_name);
    if (config_.output_bias) layer.output_bias = Pack(names(output, ".bias"), {d}, 0, by_name);
    if (config_.mlp_bias) {
      layer.gate_up_bias = Pack(names(gate_up, ".bias"), gate_up_rows, 0, by_name);
      layer.down_bias = Pack(names(down, ".bias"), {d}, 0, by_name);
    }
    if (config_.qk_norm) {
      layer.q_norm_E = Vector(prefix + "self_attn.q_norm.weight", config_.head_dim, by_name);
      layer.k_norm_E = Vector(prefix + "self_attn.k_norm.weight", config_.head_dim, by_name);
    }
    return layer;
  }

  // Returns [M, H * E].
  at::Tensor Attend(int index,
                    const at::Tensor& normed_MD,
                    const Rotation& rotation,
                    Attention* attention) const {
    const Layer& layer = layers_[static_cast<size_t>(index)];
    const int64_t heads = config_.num_heads;
    const int64_t kv_heads = config_.num_kv_heads;
    const at::Tensor qkv = at::linear(normed_MD, layer.qkv.Whole(), layer.qkv_bias.Whole())
                               .view({-1, heads + 2 * kv_heads, config_.head_dim});
    const std::vector<at::Tensor> parts = qkv.split_with_sizes({heads + kv_heads, kv_heads}, 1);
    at::Tensor qk = parts[0];
    if (config_.qk_norm) {
      const std::vector<at::Tensor> q_and_k = qk.split_with_sizes({heads, kv_heads}, 1);
      qk = at::cat({RmsNorm(q_and_k[0], layer.q_norm_E, config_.rms_norm_eps),
                    RmsNorm(q_and_k[1], layer.k_norm_E, config_.rms_norm_eps)},
                   1);
    }
    const std::vector<at::Tensor> turned =
        Rotate(qk, rotation).split_with_sizes({heads, kv_heads}, 1);
    return attention->Attend(index, turned[0], turned[1], parts[1]).flatten(1);
  }

  const ModelConfig config_;
  const at::Device device_;
  const bool trainable_;
  const at::Tensor frequencies_;
  at::Tensor embedding_VD_;
  std::vector<Layer> layers_;
  at::Tensor final_norm_D_;
  at::Tensor head_VD_;
  std::vector<NamedTensor> parameters_;
};

absl::StatusOr<at::Device> ParseDevice(const std::string& name) {
  try {
    const at::Device device(name);
    at::empty({1}, at::TensorOptions().device(device));
    return device;
  } catch (const c10::Error& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("device \"", name, "\" cannot be used: ", error.what_without_backtrace()));
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Decoder>> MakeDecoder(const ModelConfig& config,
                                                     const DecoderOptions& options) {
  CR_ASSIGN_OR_RETURN(const at::Device device, ParseDevice(options.device));
  std::unique_ptr<TransformerDecoder> decoder;
  try {
    decoder = std::make_unique<TransformerDecoder>(config, device, options.trainable);
  } catch (const c10::Error& error) {
    return absl::ResourceExhaustedError(absl::StrCat("no room for a model of ",
                                                     NumParameters(config),
                                                     " float32 parameters on ",
                                                     options.device,
                                                     ": ",
                                                     error.what_without_backtrace()));
  }
  if (options.random_values) decoder->Randomize(options.seed);
  return decoder;
}

}  // namespace convrec::model
