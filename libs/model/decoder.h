// The one transformer of the system: rollout, learner, reference policy and evaluation all run it.
//
// Parameters are named as in Hugging Face checkpoints. Decoders for sampling keep them only in the
// form in which products read them (linear.h); others as float32 leaves. Not thread-safe;
// concurrent forward passes without gradient over unchanging parameters are safe. Shapes: M tokens,
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
  // decoder. Trainable decoders without adapter have requires_grad set. Empty for decoders for
  // sampling.
  virtual const std::vector<NamedTensor>& parameters() const = 0;

  // With an adapter (adapter.h): its leaves in the order of AdapterTable(), and how they act.
  virtual const LoraConfig& lora() const = 0;
  virtual const std::vector<NamedTensor>& adapter() const = 0;

  // What training changes: the adapter where there is one, else all parameters.
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

  // Copies values of same-named tensors of any floating type in; every parameter must come exactly
  // once, with its shape. LoadAdapter() does the same for the adapter.
  virtual absl::Status Load(const std::vector<NamedTensor>& tensors) = 0;
  virtual absl::Status LoadAdapter(const std::vector<NamedTensor>& tensors) = 0;

  // With a keeper, which outlives its use, parameters have values only while it holds their unit:
  // Trunk() asks it for each unit in turn and leaves the output's with it, and so does the backward
  // pass of what Trunk() gave. Who else reads values does so with ParameterReader. Null = none.
  void SetKeeper(WeightKeeper* keeper) { keeper_ = keeper; }
  WeightKeeper* keeper() const { return keeper_; }

 private:
  WeightKeeper* keeper_ = nullptr;
};

// Reads the values of parameters one after the other, in order, also where a keeper has them: the
// calls to it are those of a forward pass.
class ParameterReader final {
 public:
  explicit ParameterReader(const Decoder& decoder);
  ~ParameterReader();
  ParameterReader(const ParameterReader&) = delete;

  // The parameter of this index, not less than the one before; with its values until the next call.
  const at::Tensor& Read(size_t index);

 private:
  const Decoder& decoder_;
  std::vector<int> units_;  // By parameter.
  int held_ = WeightKeeper::kNone;
};

// All values of `from` become those of `to`, of the same config.
void CopyParameters(const Decoder& from, Decoder* to);

struct DecoderOptions {
  std::string device = "cpu";
  bool trainable = false;  // Parameters, or the adapter alone, require gradients.
  WeightStorage weights = WeightStorage::kParameters;
  // Factors of the products of the layers; parameters and the head are float32, and on a CPU sums
  // as well. With kBfloat16 a CPU needs products of bfloat16 pairs (kernels::HasNativeBfloat16()).
  kernels::PanelType products = kernels::PanelType::kFloat32;
  // Keeps only the input of each layer for the backward pass, which computes the layer again: the
  // same gradients, bit for bit, for a third more work. Trunk() then needs an attention that a
  // shared_ptr owns.
  bool activation_checkpointing = false;
  uint64_t seed = 0;          // Of the random initial values.
  bool random_values = true;  // False: all zero, for a caller that loads values next.
  // An adapter beside the parameters (kParameters only). Its values are PEFT's initial ones, by the
  // seed: A uniform, B zero, so that the adapter changes nothing yet.
  LoraConfig lora = {};
  // Its parameters, of the same config and on the same device, become those of the new decoder,
  // which then differs by its adapter alone; may be null.
  const Decoder* base = nullptr;
};

// Random initial values: normal(0, initializer_range) for matrices, 1 for norms, 0 for biases.
absl::StatusOr<std::unique_ptr<Decoder>> MakeDecoder(const ModelConfig& config,
                                                     const DecoderOptions& options);

// Reads config.json and model*.safetensors of a Hugging Face directory. A directory without weight
// files gives random initial values when `allow_random` is set, else an error.
absl::StatusOr<std::unique_ptr<Decoder>> LoadDecoder(const std::string& directory,
                                                     const DecoderOptions& options,
                                                     bool allow_random = false);

// Writes config.json and model.safetensors (sharded past 5 GB, with index) that transformers loads,
// with the adapter, where there is one, merged in;
// `dtype` is "F32" or "BF16". Atomic per file; the directory exists already.
absl::Status SaveDecoder(const Decoder& decoder,
                         const std::string& directory,
                         const std::string& dtype);

}  // namespace convrec::model
