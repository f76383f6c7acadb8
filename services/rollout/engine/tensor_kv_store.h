// Keys and values as tensors on any device, attended to with ATen's operator.
// Shapes: S slots (positions of all blocks), M tokens of the step, R runs of one batch, N tokens of a run,
// L keys, H query heads, K key/value heads, E head width.
#pragma once

#include <utility>
#include <vector>

#include "services/rollout/engine/kv_store.h"

namespace convrec::rollout {

// Runs of one call of the attention operator.
struct RunBatch {
  at::Tensor rows_RN;     // Row of each token in the step; padding repeats the run's last one.
  at::Tensor real_M;      // Places of the real tokens in the flattened [R, N], and
  at::Tensor target_M;    // their rows in the step.
  at::Tensor slots_RL;    // Slot of each key; padding repeats the first one.
  at::Tensor mask_R1NL;   // 0 where a token sees a key, minus infinity elsewhere.
  int64_t num_runs = 0, num_tokens = 0, num_keys = 0;
};

// Where a step's tokens are written and what they see.
struct StepTensors {
  at::Tensor write_M;
  std::vector<RunBatch> batches;

  // Takes the values of tensors of the same shapes, into the memory of these.
  void CopyFrom(const StepTensors& other);
};

class TensorKvStore final : public KvStore, public model::Attention {
 public:
  // Keys and values of `type`; queries are cast to it, results are float32.
  TensorKvStore(const model::ModelConfig& config, int num_blocks, at::Device device, at::ScalarType type);

  model::Attention* BeginStep(const std::vector<kernels::QueryGroup>& groups) override;
  // The attention of a step whose tensors the caller keeps.
  model::Attention* BeginStep(const StepTensors& step);
  // Of a step in which every run is one token, padded to `rows` and `keys`; padding rows use `spare_block`.
  StepTensors DecodeTensors(const std::vector<kernels::QueryGroup>& groups, int64_t rows, int64_t keys,
                            int32_t spare_block) const;

  at::Tensor Attend(int layer, const at::Tensor& q_MHE, const at::Tensor& k_MKE, const at::Tensor& v_MKE) override;

 private:
  using Runs = std::vector<std::pair<const kernels::QueryGroup*, const kernels::QueryRun*>>;

  RunBatch MakeBatch(const Runs& runs, int64_t least_keys) const;
  at::Tensor OnDevice(const std::vector<int64_t>& values) const;

  const at::Device device_;
  const at::ScalarType type_;
  std::vector<at::Tensor> keys_SKE_, values_SKE_;   // Per layer.
  StepTensors own_;
  const StepTensors* step_ = nullptr;
};

}  // namespace convrec::rollout
