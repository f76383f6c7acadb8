#include "services/rollout/engine/tensor_kv_store.h"

#include <algorithm>
#include <limits>

#include <torch/types.h>

#include "libs/base/check.h"

namespace convrec::rollout {
namespace {

using kernels::kBlockPositions;
using kernels::QueryGroup;
using kernels::QueryRun;

// Runs of up to this many tokens share one call; padding a long one would cost more than a call of its own.
constexpr int64_t kShortRun = 16;

int64_t Slot(const QueryGroup& group, const QueryRun& run, int64_t position) {
  const int32_t block = position < group.shared_length
                            ? group.shared_blocks[position / kBlockPositions]
                            : run.own_blocks[position / kBlockPositions - group.shared_length / kBlockPositions];
  return block * kBlockPositions + position % kBlockPositions;
}

}  // namespace

void StepTensors::CopyFrom(const StepTensors& other) {
  CR_CHECK(batches.size() == other.batches.size());
  write_M.copy_(other.write_M);
  for (size_t i = 0; i < batches.size(); ++i) {
    batches[i].rows_RN.copy_(other.batches[i].rows_RN);
    batches[i].real_M.copy_(other.batches[i].real_M);
    batches[i].target_M.copy_(other.batches[i].target_M);
    batches[i].slots_RL.copy_(other.batches[i].slots_RL);
    batches[i].mask_R1NL.copy_(other.batches[i].mask_R1NL);
  }
}

TensorKvStore::TensorKvStore(const model::ModelConfig& config, int num_blocks, at::Device device, at::ScalarType type)
    : device_(device), type_(type) {
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    const std::vector<int64_t> shape = {num_blocks * kBlockPositions, config.num_kv_heads, config.head_dim};
    const auto options = at::TensorOptions().dtype(type).device(device);
    keys_SKE_.push_back(at::zeros(shape, options));
    values_SKE_.push_back(at::zeros(shape, options));
  }
}

model::Attention* TensorKvStore::BeginStep(const std::vector<QueryGroup>& groups) {
  std::vector<int64_t> slots;   // In the order of the rows of the step.
  Runs together;
  own_.batches.clear();
  for (const QueryGroup& group : groups) {
    for (const QueryRun& run : group.runs) {
      for (int64_t i = 0; i < run.num_rows; ++i) {
        const int64_t row = run.first_row + i;
        if (static_cast<int64_t>(slots.size()) <= row) slots.resize(static_cast<size_t>(row + 1));
        slots[static_cast<size_t>(row)] = Slot(group, run, run.first_position + i);
      }
      if (run.num_rows <= kShortRun) {
        together.emplace_back(&group, &run);
      } else {
        own_.batches.push_back(MakeBatch({{&group, &run}}, 0));
      }
    }
  }
  if (!together.empty()) own_.batches.push_back(MakeBatch(together, 0));
  own_.write_M = OnDevice(slots);
  return BeginStep(own_);
}

model::Attention* TensorKvStore::BeginStep(const StepTensors& step) {
  step_ = &step;
  return this;
}

StepTensors TensorKvStore::DecodeTensors(const std::vector<QueryGroup>& groups, int64_t rows, int64_t keys,
                                         int32_t spare_block) const {
  Runs runs;
  std::vector<int64_t> slots(static_cast<size_t>(rows), spare_block * kBlockPositions);
  for (const QueryGroup& group : groups) {
    for (const QueryRun& run : group.runs) {
      CR_CHECK(run.num_rows == 1);
      runs.emplace_back(&group, &run);
      slots[static_cast<size_t>(run.first_row)] = Slot(group, run, run.first_position);
    }
  }
  // Padding rows are sequences of one token in the spare block.
  const QueryGroup padding{.shared_blocks = nullptr, .shared_length = 0, .runs = {}};
  std::vector<QueryRun> pads;
  for (auto row = static_cast<int64_t>(runs.size()); row < rows; ++row) {
    pads.push_back({.first_row = row, .num_rows = 1, .first_position = 0, .own_blocks = &spare_block});
  }
  for (const QueryRun& pad : pads) runs.emplace_back(&padding, &pad);
  StepTensors step;
  step.write_M = OnDevice(slots);
  step.batches.push_back(MakeBatch(runs, keys));
  return step;
}

at::Tensor TensorKvStore::Attend(int layer, const at::Tensor& q_MHE, const at::Tensor& k_MKE, const at::Tensor& v_MKE) {
  at::Tensor& keys = keys_SKE_[static_cast<size_t>(layer)];
  at::Tensor& values = values_SKE_[static_cast<size_t>(layer)];
  keys.index_copy_(0, step_->write_M, k_MKE.to(type_));
  values.index_copy_(0, step_->write_M, v_MKE.to(type_));
  at::Tensor out_MHE = at::empty(q_MHE.sizes(), q_MHE.options());
  for (const RunBatch& batch : step_->batches) {
    const auto gather = [&batch](const at::Tensor& from, const at::Tensor& index, int64_t length) {
      return from.index_select(0, index).view({batch.num_runs, length, from.size(1), from.size(2)}).transpose(1, 2);
    };
    const at::Tensor attended =
        at::scaled_dot_product_attention(gather(q_MHE.to(type_), batch.rows_RN, batch.num_tokens),
                                         gather(keys, batch.slots_RL, batch.num_keys),
                                         gather(values, batch.slots_RL, batch.num_keys),
                                         batch.mask_R1NL,
                                         0.0,
                                         /*is_causal=*/false,
                                         std::nullopt,
                                         /*enable_gqa=*/q_MHE.size(1) != k_MKE.size(1));
    const at::Tensor flat = attended.transpose(1, 2).flatten(0, 1).to(q_MHE.scalar_type());
    out_MHE.index_copy_(0, batch.target_M, flat.index_select(0, batch.real_M));
  }
  return out_MHE;
}

at::Tensor TensorKvStore::OnDevice(const std::vector<int64_t>& values) const {
  return torch::tensor(values, at::kLong).to(device_);
}

RunBatch TensorKvStore::MakeBatch(const Runs& runs, int64_t least_keys) const {
  RunBatch batch;
  batch.num_runs = static_cast<int64_t>(runs.size());
  batch.num_keys = least_keys;
  for (const auto& [group, run] : runs) {
    batch.num_tokens = std::max(batch.num_tokens, run->num_rows);
    batch.num_keys = std::max(batch.num_keys, run->first_position + run->num_rows);
  }
  std::vector<int64_t> rows, real, target, slots, last_positions;
  for (const auto& [group, run] : runs) {
    for (int64_t i = 0; i < batch.num_tokens; ++i) {
      const int64_t token = std::min(i, run->num_rows - 1);
      if (i < run->num_rows) {
        real.push_back(static_cast<int64_t>(rows.size()));
        target.push_back(run->first_row + i);
      }
      rows.push_back(run->first_row + token);
      last_positions.push_back(run->first_position + token);
    }
    for (int64_t key = 0; key < batch.num_keys; ++key) {
      slots.push_back(Slot(*group, *run, key < run->first_position + run->num_rows ? key : 0));
    }
  }
  batch.rows_RN = OnDevice(rows);
  batch.real_M = OnDevice(real);
  batch.target_M = OnDevice(target);
  batch.slots_RL = OnDevice(slots);
  const at::Tensor unseen = at::arange(batch.num_keys, at::TensorOptions().dtype(at::kLong).device(device_)) >
                            OnDevice(last_positions).unsqueeze(1);
  batch.mask_R1NL = at::zeros(unseen.sizes(), at::TensorOptions().dtype(type_).device(device_))
                        .masked_fill_(unseen, -std::numeric_limits<float>::infinity())
                        .view({batch.num_runs, 1, batch.num_tokens, batch.num_keys});
  return batch;
}

int64_t TensorBlockBytes(const model::ModelConfig& config, at::ScalarType type) {
  return 2 * config.num_layers * kBlockPositions * config.num_kv_heads * config.head_dim *
         static_cast<int64_t>(c10::elementSize(type));
}

}  // namespace convrec::rollout
