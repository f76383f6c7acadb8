// Shapes: S slots (positions of all blocks), M tokens of the step, R runs of one batch, N tokens of a run,
// L keys, H query heads, K key/value heads, E head width.
#include <algorithm>
#include <limits>

#include <torch/types.h>

#include "services/rollout/engine/kv_store.h"

namespace convrec::rollout {
namespace {

using kernels::kBlockPositions;
using kernels::QueryGroup;
using kernels::QueryRun;

// Runs of one call of the attention operator.
struct Batch {
  at::Tensor rows_RN;     // Row of each token in the step; padding repeats the run's last one.
  at::Tensor real_M;      // Places of the real tokens in the flattened [R, N], and
  at::Tensor target_M;    // their rows in the step.
  at::Tensor slots_RL;    // Slot of each key; padding repeats the first one.
  at::Tensor mask_R1NL;   // 0 where a token sees a key, minus infinity elsewhere.
  int64_t num_runs = 0, num_tokens = 0, num_keys = 0;
};

class TensorKvStore final : public KvStore, public model::Attention {
 public:
  TensorKvStore(const model::ModelConfig& config, int num_blocks, at::Device device, at::ScalarType type)
      : device_(device), type_(type) {
    for (int64_t layer = 0; layer < config.num_layers; ++layer) {
      const std::vector<int64_t> shape = {num_blocks * kBlockPositions, config.num_kv_heads, config.head_dim};
      const auto options = at::TensorOptions().dtype(type).device(device);
      keys_SKE_.push_back(at::zeros(shape, options));
      values_SKE_.push_back(at::zeros(shape, options));
    }
  }

  model::Attention* BeginStep(const std::vector<QueryGroup>& groups) override {
    std::vector<int64_t> slots;   // In the order of the rows of the step.
    std::vector<std::pair<const QueryGroup*, const QueryRun*>> single;
    batches_.clear();
    for (const QueryGroup& group : groups) {
      for (const QueryRun& run : group.runs) {
        for (int64_t i = 0; i < run.num_rows; ++i) {
          const int64_t row = run.first_row + i;
          if (static_cast<int64_t>(slots.size()) <= row) slots.resize(static_cast<size_t>(row + 1));
          slots[static_cast<size_t>(row)] = Slot(group, run, run.first_position + i);
        }
        // Short runs share one call; padding a long one would cost more than a call of its own.
        if (run.num_rows <= kShortRun) {
          single.emplace_back(&group, &run);
        } else {
          batches_.push_back(MakeBatch({{&group, &run}}));
        }
      }
    }
    if (!single.empty()) batches_.push_back(MakeBatch(single));
    write_M_ = OnDevice(slots);
    return this;
  }

  at::Tensor Attend(int layer, const at::Tensor& q_MHE, const at::Tensor& k_MKE, const at::Tensor& v_MKE) override {
    at::Tensor& keys = keys_SKE_[static_cast<size_t>(layer)];
    at::Tensor& values = values_SKE_[static_cast<size_t>(layer)];
    keys.index_copy_(0, write_M_, k_MKE.to(type_));
    values.index_copy_(0, write_M_, v_MKE.to(type_));
    at::Tensor out_MHE = at::empty(q_MHE.sizes(), q_MHE.options());
    for (const Batch& batch : batches_) {
      const auto gather = [&batch](const at::Tensor& from, const at::Tensor& index, int64_t length) {
        return from.index_select(0, index).view({batch.num_runs, length, from.size(1), from.size(2)}).transpose(1, 2);
      };
      const at::Tensor attended = at::scaled_dot_product_attention(
          gather(q_MHE.to(type_), batch.rows_RN, batch.num_tokens),
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

 private:
  static constexpr int64_t kShortRun = 16;

  static int64_t Slot(const QueryGroup& group, const QueryRun& run, int64_t position) {
    const int32_t block = position < group.shared_length
                              ? group.shared_blocks[position / kBlockPositions]
                              : run.own_blocks[position / kBlockPositions - group.shared_length / kBlockPositions];
    return block * kBlockPositions + position % kBlockPositions;
  }

  at::Tensor OnDevice(const std::vector<int64_t>& values) const { return torch::tensor(values, at::kLong).to(device_); }

  Batch MakeBatch(const std::vector<std::pair<const QueryGroup*, const QueryRun*>>& runs) const {
    Batch batch;
    batch.num_runs = static_cast<int64_t>(runs.size());
    for (const auto& [group, run] : runs) {
      batch.num_tokens = std::max(batch.num_tokens, run->num_rows);
      batch.num_keys = std::max(batch.num_keys, run->first_position + run->num_rows);
    }
    std::vector<int64_t> rows, real, target, slots;
    std::vector<float> mask;
    for (const auto& [group, run] : runs) {
      for (int64_t i = 0; i < batch.num_tokens; ++i) {
        const int64_t token = std::min(i, run->num_rows - 1);
        if (i < run->num_rows) {
          real.push_back(static_cast<int64_t>(rows.size()));
          target.push_back(run->first_row + i);
        }
        rows.push_back(run->first_row + token);
        for (int64_t key = 0; key < batch.num_keys; ++key) {
          mask.push_back(key <= run->first_position + token ? 0.0F : -std::numeric_limits<float>::infinity());
        }
      }
      for (int64_t key = 0; key < batch.num_keys; ++key) {
        slots.push_back(key < run->first_position + run->num_rows ? Slot(*group, *run, key) : Slot(*group, *run, 0));
      }
    }
    batch.rows_RN = OnDevice(rows);
    batch.real_M = OnDevice(real);
    batch.target_M = OnDevice(target);
    batch.slots_RL = OnDevice(slots);
    batch.mask_R1NL = torch::tensor(mask).to(device_, type_).view({batch.num_runs, 1, batch.num_tokens, batch.num_keys});
    return batch;
  }

  const at::Device device_;
  const at::ScalarType type_;
  std::vector<at::Tensor> keys_SKE_, values_SKE_;   // Per layer.
  std::vector<Batch> batches_;
  at::Tensor write_M_;
};

}  // namespace

int64_t TensorBlockBytes(const model::ModelConfig& config, at::ScalarType type) {
  return 2 * config.num_layers * kBlockPositions * config.num_kv_heads * config.head_dim *
         static_cast<int64_t>(c10::elementSize(type));
}

std::unique_ptr<KvStore> MakeTensorKvStore(const model::ModelConfig& config, int num_blocks, at::Device device,
                                           at::ScalarType type) {
  return std::make_unique<TensorKvStore>(config, num_blocks, device, type);
}

}  // namespace convrec::rollout
