#include "libs/model/decoder.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/csrc/autograd/grad_mode.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "libs/kernels/instruction_set.h"
#include "libs/kernels/pointwise.h"
#include "libs/model/activation_checkpoint.h"
#include "libs/model/gated_silu.h"
#include "libs/model/linear.h"
#include "libs/model/packed_matrix.h"
#include "libs/model/parameter_table.h"
#include "libs/model/rms_norm.h"
#include "libs/model/rotary.h"

// Shapes: M tokens, D model width, H query heads, K key/value heads, E head width, F MLP width.
namespace convrec::model {
namespace {

struct Layer {
  at::Tensor input_norm_D;
  Linear qkv;  // Rows of q, k, v.
  at::Tensor q_norm_E;
  at::Tensor k_norm_E;
  Linear output;
  at::Tensor mlp_norm_D;
  Linear gate_up;  // Rows of gate, up.
  Linear down;
};

// Where the values of one named parameter go.
struct Target {
  Linear* linear = nullptr;  // Or a vector:
  at::Tensor vector;
  size_t part = 0;
  bool is_bias = false;

  void Set(const at::Tensor& values) const {
    if (linear == nullptr) {
      at::Tensor target = vector;
      target.copy_(values);
    } else if (is_bias) {
      linear->SetBias(part, values);
    } else {
      linear->SetWeight(part, values);
    }
  }
};

// OK when `tensors` are exactly those of `specs`.
absl::Status CheckTensors(const std::vector<NamedTensor>& tensors,
                          const std::vector<ParameterSpec>& specs) {
  std::unordered_map<std::string, const at::Tensor*> by_name;
  for (const NamedTensor& given : tensors) {
    if (!by_name.emplace(given.name, &given.tensor).second) {
      return absl::InvalidArgumentError(absl::StrCat("tensor ", given.name, " is given twice"));
    }
  }
  for (const ParameterSpec& spec : specs) {
    const auto it = by_name.find(spec.name);
    if (it == by_name.end()) {
      return absl::InvalidArgumentError(absl::StrCat("tensor ", spec.name, " is missing"));
    }
    if (it->second->sizes() != at::IntArrayRef(spec.shape)) {
      return absl::InvalidArgumentError(absl::StrCat("tensor ",
                                                     spec.name,
                                                     " has shape [",
                                                     absl::StrJoin(it->second->sizes(), ", "),
                                                     "], expected [",
                                                     absl::StrJoin(spec.shape, ", "),
                                                     "]"));
    }
    by_name.erase(it);
  }
  if (by_name.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("tensor ", by_name.begin()->first, " is no parameter of this model"));
}

class TransformerDecoder final : public Decoder {
 public:
  TransformerDecoder(const ModelConfig& config, at::Device device, const DecoderOptions& options)
      : config_(config),
        device_(device),
        storage_(options.weights),
        products_(options.products),
        is_trainable_(options.trainable),
        lora_(options.lora),
        base_(static_cast<const TransformerDecoder*>(options.base)),
        has_checkpoints_(options.activation_checkpointing),
        frequencies_(RotaryFrequencies(config).to(device)),
        rotary_scale_(RotaryScale(config)),
        layers_(static_cast<size_t>(config.num_layers)) {
    Place("model.embed_tokens",
          {""},
          {config.vocab_size},
          config.hidden_size,
          false,
          Activations::kFloat32,
          &embedding_);
    for (size_t i = 0; i < layers_.size(); ++i) {
      FillLayer(absl::StrCat("model.layers.", i, "."), &layers_[i]);
    }
    final_norm_D_ = Vector("model.norm.weight", config.hidden_size);
    if (!config.tie_word_embeddings) {
      Place("lm_head",
            {""},
            {config.vocab_size},
            config.hidden_size,
            false,
            Activations::kFloat32,
            &head_);
    }
    const std::vector<ParameterSpec> table = ParameterTable(config);
    CR_CHECK(table.size() == targets_.size());
    for (const ParameterSpec& spec : table) {
      const auto it = targets_.find(spec.name);
      CR_CHECK(it != targets_.end(), spec.name);
      if (storage_ != WeightStorage::kParameters) continue;
      const Target& target = it->second;
      const at::Tensor leaf = target.linear == nullptr ? target.vector
                              : target.is_bias         ? target.linear->biases()[target.part]
                                                       : target.linear->weights()[target.part];
      CR_CHECK(leaf.sizes() == at::IntArrayRef(spec.shape), spec.name);
      parameters_.push_back({spec.name, leaf});
    }
    for (const AdapterPair& pair : AdapterTable(config, lora_)) {
      const Target& target = targets_.at(pair.parameter);
      adapter_.push_back({pair.a.name, target.linear->adapter().a(target.part)});
      adapter_.push_back({pair.b.name, target.linear->adapter().b(target.part)});
    }
    RandomizeAdapter(options.seed);
  }

  const ModelConfig& config() const override { return config_; }
  at::Device device() const override { return device_; }
  const std::vector<NamedTensor>& parameters() const override { return parameters_; }
  const LoraConfig& lora() const override { return lora_; }
  const std::vector<NamedTensor>& adapter() const override { return adapter_; }
  at::Tensor head_weight_VD() const override { return head().Whole(); }

  at::Tensor Trunk(const at::Tensor& token_ids_M,
                   const at::Tensor& positions_M,
                   Attention* attention) const override {
    const Rotation rotation = MakeRotation(positions_M, frequencies_, rotary_scale_);
    const UnitOrder units(config_);
    Hold(units.embedding(), units.layer(0));
    at::Tensor hidden_MD = embedding_.Rows(token_ids_M);
    const bool has_checkpoints = has_checkpoints_ && at::GradMode::is_enabled();
    for (int i = 0; i < units.num_layers(); ++i) {
      Hold(units.layer(i), units.after_layer(i));
      if (!has_checkpoints) {
        hidden_MD = RunLayer(i, hidden_MD, rotation, attention);
      } else {
        const std::shared_ptr<Attention> shared = attention->weak_from_this().lock();
        CR_CHECK(shared != nullptr,
                 "checkpoints need an attention that lives until the backward pass");
        hidden_MD = Checkpoint(hidden_MD, [this, i, rotation, shared](const at::Tensor& input_MD) {
          return RunLayer(i, input_MD, rotation, shared.get());
        });
      }
      HoldInBackward(units.layer(i), units.before_layer(i), hidden_MD);
    }
    Hold(units.output(),
         hidden_MD.requires_grad() ? units.layer(units.num_layers() - 1) : WeightKeeper::kNone);
    return RmsNorm(hidden_MD, final_norm_D_, config_.rms_norm_eps);
  }

  at::Tensor Logits(const at::Tensor& hidden_MD) const override { return head().Apply(hidden_MD); }

  absl::Status Load(const std::vector<NamedTensor>& tensors) override {
    CR_RETURN_IF_ERROR(CheckTensors(tensors, ParameterTable(config_)));
    const at::NoGradGuard no_grad;
    for (const NamedTensor& given : tensors) targets_.at(given.name).Set(given.tensor);
    return absl::OkStatus();
  }

  absl::Status LoadAdapter(const std::vector<NamedTensor>& tensors) override {
    std::vector<ParameterSpec> specs;
    for (const AdapterPair& pair : AdapterTable(config_, lora_)) {
      specs.push_back(pair.a);
      specs.push_back(pair.b);
    }
    CR_RETURN_IF_ERROR(CheckTensors(tensors, specs));
    const at::NoGradGuard no_grad;
    std::unordered_map<std::string, at::Tensor> own;
    for (const NamedTensor& leaf : adapter_) own[leaf.name] = leaf.tensor;
    for (const NamedTensor& given : tensors) own.at(given.name).copy_(given.tensor);
    return absl::OkStatus();
  }

  void Randomize(uint64_t seed) {
    const at::NoGradGuard no_grad;
    at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
    const std::vector<ParameterSpec> table = ParameterTable(config_);
    for (const ParameterSpec& spec : table) {
      at::Tensor values = at::zeros(spec.shape, at::kFloat);
      if (spec.kind == ParameterSpec::Kind::kNorm) values.fill_(1.0);
      if (spec.kind == ParameterSpec::Kind::kMatrix)
        values.normal_(0.0, config_.initializer_range, generator);
      targets_.at(spec.name).Set(values);
    }
  }

  // Like PEFT.
  void RandomizeAdapter(uint64_t seed) {
    const at::NoGradGuard no_grad;
    // Different numbers from those of Randomize().
    at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(~seed);
    for (size_t i = 0; i < adapter_.size(); i += 2) {
      at::Tensor a = adapter_[i].tensor;
      const double bound = 1 / std::sqrt(static_cast<double>(a.size(1)));
      a.copy_(at::empty(a.sizes(), at::kFloat).uniform_(-bound, bound, generator));
    }
  }

 private:
  const Linear& head() const { return config_.tie_word_embeddings ? embedding_ : head_; }

  at::Tensor Vector(const std::string& name, int64_t size) {
    // Norms stay float32 and are separate leaves in every storage.
    const at::Tensor vector =
        base_ != nullptr ? base_->targets_.at(name).vector
        : storage_ == WeightStorage::kParameters
            ? PackedMatrix({size}, 0, device_, trains_parameters()).parts()[0]
            : at::zeros({size}, at::TensorOptions().dtype(at::kFloat).device(device_));
    targets_[name] = {.vector = vector};
    return vector;
  }

  bool trains_parameters() const { return is_trainable_ && !lora_.is_on(); }

  // The adapter of the map with these modules; nullopt when none of them is a target.
  std::optional<LowRank> AdapterOf(const std::vector<std::string>& modules,
                                   const std::vector<int64_t>& rows,
                                   int64_t columns) const {
    if (!lora_.is_on()) return std::nullopt;
    LowRank::Options options{.rows = rows,
                             .is_target = {},
                             .columns = columns,
                             .rank = lora_.rank,
                             .scale = lora_.scale(),
                             .trainable = is_trainable_};
    for (const std::string& module : modules) {
      const std::string name = module.substr(module.rfind('.') + 1);
      options.is_target.push_back(std::find(lora_.targets.begin(), lora_.targets.end(), name) !=
                                  lora_.targets.end());
    }
    const bool has_target = std::find(options.is_target.begin(), options.is_target.end(), true) !=
                            options.is_target.end();
    return has_target ? std::optional<LowRank>(std::in_place, options, device_) : std::nullopt;
  }

  // Creates the map at `place`, where it stays; its parts are named prefix + module + ".weight" and
  // ".bias".
  void Place(const std::string& prefix,
             const std::vector<std::string>& modules,
             const std::vector<int64_t>& rows,
             int64_t columns,
             bool has_bias,
             Activations activations,
             Linear* place) {
    // The embedding and the head keep float32 activations, and float32 products in training.
    const kernels::PanelType products =
        activations == Activations::kFloat32 ? kernels::PanelType::kFloat32 : products_;
    *place = base_ != nullptr ? *base_->targets_.at(prefix + modules[0] + ".weight").linear
                              : Linear(rows,
                                       columns,
                                       has_bias,
                                       device_,
                                       storage_,
                                       trains_parameters(),
                                       activations,
                                       products);
    place->SetAdapter(AdapterOf(modules, rows, columns));
    for (size_t part = 0; part < modules.size(); ++part) {
      const std::string name = prefix + modules[part];
      targets_[name + ".weight"] = {.linear = place, .vector = {}, .part = part};
      if (has_bias)
        targets_[name + ".bias"] = {.linear = place, .vector = {}, .part = part, .is_bias = true};
    }
  }

  void FillLayer(const std::string& prefix, Layer* layer) {
    const int64_t d = config_.hidden_size;
    const std::vector<int64_t> qkv_rows = {config_.num_heads * config_.head_dim,
                                           config_.num_kv_heads * config_.head_dim,
                                           config_.num_kv_heads * config_.head_dim};
    const std::vector<int64_t> gate_up_rows(2, config_.intermediate_size);
    const auto linear = [&](const std::vector<std::string>& modules,
                            const std::vector<int64_t>& rows,
                            int64_t columns,
                            bool has_bias,
                            Linear* place) {
      Place(prefix, modules, rows, columns, has_bias, Activations::kAsWeights, place);
    };
    layer->input_norm_D = Vector(prefix + "input_layernorm.weight", d);
    layer->mlp_norm_D = Vector(prefix + "post_attention_layernorm.weight", d);
    linear({"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
           qkv_rows,
           d,
           config_.attention_bias,
           &layer->qkv);
    linear({"self_attn.o_proj"}, {d}, qkv_rows[0], config_.output_bias, &layer->output);
    linear({"mlp.gate_proj", "mlp.up_proj"}, gate_up_rows, d, config_.mlp_bias, &layer->gate_up);
    linear({"mlp.down_proj"}, {d}, config_.intermediate_size, config_.mlp_bias, &layer->down);
    if (config_.qk_norm) {
      layer->q_norm_E = Vector(prefix + "self_attn.q_norm.weight", config_.head_dim);
      layer->k_norm_E = Vector(prefix + "self_attn.k_norm.weight", config_.head_dim);
    }
  }

  void Hold(int unit, int next) const {
    if (keeper() != nullptr) keeper()->Hold(unit, next);
  }

  // Holds the unit when a backward pass reaches the operation that produced `output`.
  void HoldInBackward(int unit, int next, const at::Tensor& output) const {
    if (keeper() == nullptr || !output.requires_grad()) return;
    output.register_hook(
        [keeper = keeper(), unit, next](const at::Tensor&) { keeper->Hold(unit, next); });
  }

  // May change hidden_MD if no gradient is recorded.
  at::Tensor RunLayer(int index,
                      at::Tensor hidden_MD,
                      const Rotation& rotation,
                      Attention* attention) const {
    const Layer& layer = layers_[static_cast<size_t>(index)];
    const at::Tensor attended = Attend(index, hidden_MD, rotation, attention);
    hidden_MD = layer.output.AddTo(hidden_MD, attended);
    const at::Tensor gate_up =
        layer.gate_up.ApplyToNormed(hidden_MD, layer.mlp_norm_D, config_.rms_norm_eps);
    return layer.down.AddGatedTo(hidden_MD, gate_up);
  }

  // Returns [M, H * E].
  at::Tensor Attend(int index,
                    const at::Tensor& hidden_MD,
                    const Rotation& rotation,
                    Attention* attention) const {
    const Layer& layer = layers_[static_cast<size_t>(index)];
    const int64_t heads = config_.num_heads;
    const int64_t kv_heads = config_.num_kv_heads;
    const at::Tensor qkv =
        layer.qkv.ApplyToNormed(hidden_MD, layer.input_norm_D, config_.rms_norm_eps)
            .view({-1, heads + 2 * kv_heads, config_.head_dim});
    if (qkv.is_cpu() && !at::GradMode::is_enabled()) {
      RotateInPlace(layer, rotation, qkv);
      const std::vector<at::Tensor> turned = qkv.split_with_sizes({heads, kv_heads, kv_heads}, 1);
      return attention->Attend(index, turned[0], turned[1], turned[2]).flatten(1);
    }
    if (qkv.is_cpu() && !config_.qk_norm) {
      const std::vector<at::Tensor> turned = RotateFirstHeads(qkv, heads + kv_heads, rotation)
                                                 .split_with_sizes({heads, kv_heads, kv_heads}, 1);
      return attention->Attend(index, turned[0], turned[1], turned[2]).flatten(1);
    }
    const std::vector<at::Tensor> parts = qkv.split_with_sizes({heads + kv_heads, kv_heads}, 1);
    at::Tensor qk = parts[0];
    if (config_.qk_norm) {
      const std::vector<at::Tensor> q_and_k = qk.split_with_sizes({heads, kv_heads}, 1);
      qk = at::cat({RmsNorm(q_and_k[0], layer.q_norm_E, config_.rms_norm_eps),
                    RmsNorm(q_and_k[1], layer.k_norm_E, config_.rms_norm_eps)},
                   1);
    }
    const std::vector<at::Tensor> turned =
        (qk.is_cpu() ? RotateFirstHeads(qk, heads + kv_heads, rotation) : Rotate(qk, rotation))
            .split_with_sizes({heads, kv_heads}, 1);
    return attention->Attend(index, turned[0], turned[1], parts[1]).flatten(1);
  }

  // Normalises and rotates the query and key heads of qkv [M, H + 2 K, E].
  void RotateInPlace(const Layer& layer, const Rotation& rotation, at::Tensor qkv) const {
    const int64_t width = config_.head_dim;
    const float* sin = rotation.sin_M1E.const_data_ptr<float>();
    kernels::RotateHeads(
        qkv.mutable_data_ptr<float>(),
        qkv.size(0),
        {.row_heads = qkv.size(1),
         .q_heads = config_.num_heads,
         .k_heads = config_.num_kv_heads,
         .width = width,
         .cos = rotation.cos_M1E.const_data_ptr<float>(),
         .sin = sin + width / 2,  // The half that is not negated.
         .angle_stride = width,
         .q_norm_E = config_.qk_norm ? layer.q_norm_E.const_data_ptr<float>() : nullptr,
         .k_norm_E = config_.qk_norm ? layer.k_norm_E.const_data_ptr<float>() : nullptr,
         .eps = static_cast<float>(config_.rms_norm_eps)});
  }

  const ModelConfig config_;
  const at::Device device_;
  const WeightStorage storage_;
  const kernels::PanelType products_;
  const bool is_trainable_;
  const LoraConfig lora_;
  const TransformerDecoder* const base_;  // Read only by the constructor.
  const bool has_checkpoints_;
  const at::Tensor frequencies_;
  const double rotary_scale_;
  std::unordered_map<std::string, Target> targets_;
  Linear embedding_;
  std::vector<Layer> layers_;  // Never resized: targets point into it.
  at::Tensor final_norm_D_;
  Linear head_;  // For models that do not tie it to the embedding.
  std::vector<NamedTensor> parameters_;
  std::vector<NamedTensor> adapter_;
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

ParameterReader::ParameterReader(const Decoder& decoder) : decoder_(decoder) {
  for (const ParameterSpec& spec : ParameterTable(decoder.config())) units_.push_back(spec.unit);
}

ParameterReader::~ParameterReader() {
  if (held_ != WeightKeeper::kNone) decoder_.keeper()->Release();
}

const at::Tensor& ParameterReader::Read(size_t index) {
  const int unit = units_[index];
  if (decoder_.keeper() != nullptr && held_ != unit) {
    size_t later = index;
    while (later < units_.size() && units_[later] == unit) ++later;
    decoder_.keeper()->Hold(unit, later < units_.size() ? units_[later] : WeightKeeper::kNone);
    held_ = unit;
  }
  return decoder_.parameters()[index].tensor;
}

void CopyParameters(const Decoder& from, Decoder* to) {
  const at::NoGradGuard no_grad;
  ParameterReader reader(from);
  for (size_t i = 0; i < to->parameters().size(); ++i)
    at::Tensor(to->parameters()[i].tensor).copy_(reader.Read(i));
}

absl::StatusOr<std::unique_ptr<Decoder>> MakeDecoder(const ModelConfig& config,
                                                     const DecoderOptions& options) {
  CR_ASSIGN_OR_RETURN(const at::Device device, ParseDevice(options.device));
  if (options.products == kernels::PanelType::kBfloat16 && device.is_cpu() &&
      !kernels::HasNativeBfloat16()) {
    return absl::InvalidArgumentError(
        "bfloat16 products of training need a processor with AVX-512 BF16, "
        "expected float32 on this one");
  }
  CR_RETURN_IF_ERROR(CheckLora(options.lora, config));
  CR_CHECK(options.weights == WeightStorage::kParameters ||
               (!options.lora.is_on() && options.base == nullptr),
           "decoders for sampling have merged weights of their own");
  std::unique_ptr<TransformerDecoder> decoder;
  try {
    decoder = std::make_unique<TransformerDecoder>(config, device, options);
  } catch (const c10::Error& error) {
    return absl::ResourceExhaustedError(absl::StrCat("no room for a model of ",
                                                     NumParameters(config),
                                                     " parameters on ",
                                                     options.device,
                                                     ": ",
                                                     error.what_without_backtrace()));
  }
  if (options.random_values && options.base == nullptr) decoder->Randomize(options.seed);
  return decoder;
}

}  // namespace convrec::model
