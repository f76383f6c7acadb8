// The system's only transformer: rollout, learner, reference policy and evaluation all run it.
//
// Parameters are named as in Hugging Face checkpoints. Decoders for sampling keep them only in the
// form that products read (linear.h); others keep float32 leaves. Not thread-safe, but concurrent
// forward passes without gradients over unchanging parameters are safe. Shapes: M tokens,
// D model width, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/model/attention.h"
#include "libs/model/linear.h"
#include "libs/model/lora.h"
#include "libs/model/model_config.h"
#include "libs/model/weight_keeper.h"

namespace convrec::model {

struct NamedTensor {
  std::string name;  // As in "model.layers.0.mlp.up_proj.weight".
  at::Tensor tensor;
};

class Decoder {
 public:
  virtual ~Decoder() = default;

  virtual const ModelConfig& config() const = 0;
  virtual at::Device device() const = 0;

  // Every parameter once (tied embeddings once), in a fixed order; handles share storage with the
  // decoder. Trainable decoders without an adapter have requires_grad set. Empty for sampling
  // decoders.
  virtual const std::vector<NamedTensor>& parameters() const = 0;

  // With an adapter (adapter.h): how it acts, and its leaves in the order of AdapterTable().
  virtual const LoraConfig& lora() const = 0;
  virtual const std::vector<NamedTensor>& adapter() const = 0;

  // What training changes: the adapter if there is one, otherwise all parameters.
  const std::vector<NamedTensor>& trained() const {
    return lora().is_on() ? adapter() : parameters();
  }

  // Final-norm hidden states [M, D] of flat tokens; int64 ids and positions [M].
  virtual at::Tensor Trunk(const at::Tensor& token_ids_M,
                           const at::Tensor& positions_M,
                           Attention* attention) const = 0;

  // Output projection [V, D] (the embedding when tied). Not for decoders for sampling.
  virtual at::Tensor head_weight_VD() const = 0;

  // hidden_MD -> float32 logits [M, V]. For decode steps and small M only; training uses
  // chunked_logprob.h.
  virtual at::Tensor Logits(const at::Tensor& hidden_MD) const = 0;

  // Copies in the values of same-named tensors of any floating type. Every parameter must occur
  // exactly once, with its shape. LoadAdapter() does the same for the adapter.
  virtual absl::Status Load(const std::vector<NamedTensor>& tensors) = 0;
  virtual absl::Status LoadAdapter(const std::vector<NamedTensor>& tensors) = 0;

  // With a keeper, which must outlive its use, parameters have values only while it holds their
  // unit. Trunk() requests each unit in turn and leaves the output's unit held, and so does the
  // backward pass of Trunk()'s result. All other readers must use ParameterReader. Null = none.
  void SetKeeper(WeightKeeper* keeper) { keeper_ = keeper; }
  WeightKeeper* keeper() const { return keeper_; }

 private:
  WeightKeeper* keeper_ = nullptr;
};

// Reads the values of parameters one after another, in order, even if a keeper has them. It makes
// the same calls to the keeper as a forward pass.
class ParameterReader final {
 public:
  explicit ParameterReader(const Decoder& decoder);
  ~ParameterReader();
  ParameterReader(const ParameterReader&) = delete;

  // The parameter of this index, which must not be less than the previous one; it has its values
  // until the next call.
  const at::Tensor& Read(size_t index);

 private:
  const Decoder& decoder_;
  std::vector<int> units_;  // By parameter.
  int held_ = WeightKeeper::kNone;
};

// Copies all values of `from` to `to`, which has the same config.
void CopyParameters(const Decoder& from, Decoder* to);

struct DecoderOptions {
  std::string device = "cpu";
  bool trainable = false;  // Parameters, or only the adapter, require gradients.
  WeightStorage weights = WeightStorage::kParameters;
  // Type of the factors in the layers' products; parameters and the head are float32, and so are
  // sums on a CPU. With kBfloat16 a CPU needs products of bfloat16 pairs
  // (kernels::HasNativeBfloat16()).
  kernels::PanelType products = kernels::PanelType::kFloat32;
  // Keeps only the input of each layer for the backward pass, which recomputes the layer: bit for
  // bit the same gradients, for a third more work. Trunk() then needs an attention that is owned by
  // a shared_ptr.
  bool activation_checkpointing = false;
  uint64_t seed = 0;          // Seed of the random initial values.
  bool random_values = true;  // False: all zero, for callers that load values next.
  // An adapter in addition to the parameters (kParameters only). Its values are PEFT's initial
  // ones, drawn from the seed: A uniform, B zero, so that the adapter changes nothing yet.
  LoraConfig lora = {};
  // A decoder of the same config on the same device, whose parameters the new decoder shares; the
  // two then differ only in their adapters. May be null.
  const Decoder* base = nullptr;
};

// Random initial values: normal(0, initializer_range) for matrices, 1 for norms, 0 for biases.
absl::StatusOr<std::unique_ptr<Decoder>> MakeDecoder(const ModelConfig& config,
                                                     const DecoderOptions& options);

// Reads config.json and model*.safetensors of a Hugging Face directory. A directory without weight
// files gives random initial values when `allow_random` is set, otherwise an error.
absl::StatusOr<std::unique_ptr<Decoder>> LoadDecoder(const std::string& directory,
                                                     const DecoderOptions& options,
                                                     bool allow_random = false);

// Writes config.json and model.safetensors (sharded above 5 GB, with an index) for transformers to
// load, with the adapter, if any, merged in. `dtype` is "F32" or "BF16". Atomic per file; the
// directory must exist.
absl::Status SaveDecoder(const Decoder& decoder,
                         const std::string& directory,
                         const std::string& dtype);

}  // namespace convrec::model
