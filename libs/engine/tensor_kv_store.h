// Keys and values as tensors on any device. Attention for long runs, which are of prompts, uses
// ATen's operator. For single tokens it has two parts; the part over a shared prompt is one product
// for all tokens that share it, so the prompt's keys are read once per group. Shapes: S slots
// (positions of all blocks), M tokens of the step, N tokens of a run, L its keys, R decoded tokens,
// C groups they come from, W the most tokens of a group, P keys of the longest shared prompt, O the
// most own keys of a token, H query heads, K key/value heads, E head width.
#pragma once

#include <utility>
#include <vector>

#include "libs/engine/kv_store.h"

namespace convrec::engine {

// A run whose attention is computed separately.
struct PromptRun {
  int64_t first_row = 0, num_rows = 0;  // Rows in the step.
  at::Tensor slots_L;                   // Slot of each key.
  at::Tensor mask_NL;                   // 0 where a token sees a key, minus infinity elsewhere.
};

// Tokens that attend to a shared prompt and to a few own keys.
struct DecodeRows {
  at::Tensor row_R;   // Row of each token in the step.
  at::Tensor own_RO;  // Slots of own keys.
  at::Tensor own_mask_RO;
  at::Tensor row_CW;     // Rows in the step by group; padding repeats the first row.
  at::Tensor shared_CP;  // Slots of shared keys.
  at::Tensor shared_mask_CP;
  at::Tensor place_R;  // Place of each token in the flattened [C, W].

  bool empty() const { return !row_R.defined(); }
};

// Sizes that DecodeRows are padded to.
struct DecodeShape {
  int64_t rows = 0;         // R
  int64_t groups = 0;       // C
  int64_t group_rows = 0;   // W
  int64_t shared_keys = 0;  // P
  int64_t own_keys = 0;     // O
  friend auto operator<=>(const DecodeShape&, const DecodeShape&) = default;
};

// The shape these groups need if all their runs are decoded.
DecodeShape ShapeOf(const std::vector<kernels::QueryGroup>& groups);

// Where a step's tokens are written and what they see.
struct StepTensors {
  at::Tensor write_M;
  std::vector<PromptRun> prompts;
  DecodeRows decode;

  // Copies the values of tensors of the same shapes, from a step without prompts, into the memory
  // of these.
  void CopyFrom(const StepTensors& other);
};

class TensorKvStore final : public KvStore, public model::Attention {
 public:
  // Keys and values have `type`; sums and results are float32, as are products of decoded tokens.
  TensorKvStore(const model::ModelConfig& config,
                int num_blocks,
                at::Device device,
                at::ScalarType type);

  model::Attention* BeginStep(const std::vector<kernels::QueryGroup>& groups) override;
  // The attention of a step whose tensors the caller keeps.
  model::Attention* BeginStep(const StepTensors& step);
  // The tensors of a step in which every run is one token, padded to `shape`. Padding rows write to
  // `spare_block`.
  StepTensors DecodeTensors(const std::vector<kernels::QueryGroup>& groups,
                            const DecodeShape& shape,
                            int32_t spare_block) const;

  at::Tensor Attend(int layer,
                    const at::Tensor& q_MHE,
                    const at::Tensor& k_MKE,
                    const at::Tensor& v_MKE) override;

 private:
  PromptRun MakePromptRun(const kernels::QueryGroup& group, const kernels::QueryRun& run) const;
  DecodeRows MakeDecodeRows(const std::vector<kernels::QueryGroup>& groups,
                            const DecodeShape& shape,
                            int32_t spare_block) const;
  void AttendPrompt(const PromptRun& run,
                    int layer,
                    const at::Tensor& q_MHE,
                    at::Tensor* out_MHE) const;
  void AttendRows(const DecodeRows& rows,
                  int layer,
                  const at::Tensor& q_MHE,
                  at::Tensor* out_MHE) const;
  at::Tensor OnDevice(const std::vector<int64_t>& values) const;

  const at::Device device_;
  const at::ScalarType type_;
  std::vector<at::Tensor> keys_SKE_, values_SKE_;  // Per layer.
  StepTensors own_;
  const StepTensors* step_ = nullptr;
};

}  // namespace convrec::engine
