#include "libs/engine/tensor_kv_store.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "libs/base/check.h"

namespace convrec::engine {
namespace {

using kernels::kBlockPositions;
using kernels::QueryGroup;
using kernels::QueryRun;

// Score of keys that a token does not see. Finite, so that a part without any key still has
// weights, and its own weight is exp(-1e30) = 0.
constexpr float kUnseen = -1e30F;

int64_t Slot(const QueryGroup& group, const QueryRun& run, int64_t position) {
  const int32_t block =
      position < group.shared_length
          ? group.shared_blocks[position / kBlockPositions]
          : run.own_blocks[position / kBlockPositions - group.shared_length / kBlockPositions];
  return block * kBlockPositions + position % kBlockPositions;
}

int64_t OwnKeys(const QueryGroup& group, const QueryRun& run) {
  return run.first_position + run.num_rows - group.shared_length;
}

// [X, L] slots -> [X, K, L, E] float32.
at::Tensor Gather(const at::Tensor& memory_SKE, const at::Tensor& slot_XL) {
  return memory_SKE.index_select(0, slot_XL.flatten())
      .view({slot_XL.size(0), slot_XL.size(1), memory_SKE.size(1), memory_SKE.size(2)})
      .transpose(1, 2)
      .to(at::kFloat);
}

// Attention over some of the keys: exp(score - most) sums the values and the weights.
struct Part {
  at::Tensor sum;     // [..., E]
  at::Tensor weight;  // [..., 1]
  at::Tensor most;    // [..., 1]
};

// q [X, K, Q, E], keys and values [X, K, L, E], mask [X, 1, 1, L].
Part AttendPart(const at::Tensor& q,
                const at::Tensor& keys,
                const at::Tensor& values,
                const at::Tensor& mask) {
  const at::Tensor scores = at::matmul(q, keys.transpose(2, 3)) + mask;
  Part part;
  part.most = scores.amax(-1, /*keepdim=*/true);
  const at::Tensor weights = (scores - part.most).exp();
  part.weight = weights.sum(-1, /*keepdim=*/true);
  part.sum = at::matmul(weights, values);
  return part;
}

}  // namespace

DecodeShape ShapeOf(const std::vector<QueryGroup>& groups) {
  DecodeShape shape{.rows = 0,
                    .groups = static_cast<int64_t>(groups.size()),
                    .group_rows = 1,
                    .shared_keys = 1,
                    .own_keys = 1};
  for (const QueryGroup& group : groups) {
    int64_t rows = 0;
    for (const QueryRun& run : group.runs) {
      rows += run.num_rows;
      shape.own_keys = std::max(shape.own_keys, OwnKeys(group, run));
    }
    shape.rows += rows;
    shape.group_rows = std::max(shape.group_rows, rows);
    shape.shared_keys = std::max(shape.shared_keys, group.shared_length);
  }
  return shape;
}

void StepTensors::CopyFrom(const StepTensors& other) {
  CR_CHECK(prompts.empty() && other.prompts.empty());
  write_M.copy_(other.write_M);
  decode.row_R.copy_(other.decode.row_R);
  decode.own_RO.copy_(other.decode.own_RO);
  decode.own_mask_RO.copy_(other.decode.own_mask_RO);
  decode.row_CW.copy_(other.decode.row_CW);
  decode.shared_CP.copy_(other.decode.shared_CP);
  decode.shared_mask_CP.copy_(other.decode.shared_mask_CP);
  decode.place_R.copy_(other.decode.place_R);
}

TensorKvStore::TensorKvStore(const model::ModelConfig& config,
                             int num_blocks,
                             at::Device device,
                             at::ScalarType type)
    : device_(device), type_(type) {
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    const std::vector<int64_t> shape = {
        num_blocks * kBlockPositions, config.num_kv_heads, config.head_dim};
    const auto options = at::TensorOptions().dtype(type).device(device);
    keys_SKE_.push_back(at::zeros(shape, options));
    values_SKE_.push_back(at::zeros(shape, options));
  }
}

model::Attention* TensorKvStore::BeginStep(const std::vector<QueryGroup>& groups) {
  std::vector<int64_t> slots;  // In the order of the rows of the step.
  std::vector<QueryGroup> decoded;
  own_ = {};
  for (const QueryGroup& group : groups) {
    for (const QueryRun& run : group.runs) {
      for (int64_t i = 0; i < run.num_rows; ++i) {
        const int64_t row = run.first_row + i;
        if (static_cast<int64_t>(slots.size()) <= row) slots.resize(static_cast<size_t>(row + 1));
        slots[static_cast<size_t>(row)] = Slot(group, run, run.first_position + i);
      }
    }
    if (group.shared_length > 0) {
      decoded.push_back(group);
      continue;
    }
    for (const QueryRun& run : group.runs) own_.prompts.push_back(MakePromptRun(group, run));
  }
  if (!decoded.empty()) own_.decode = MakeDecodeRows(decoded, ShapeOf(decoded), 0);
  own_.write_M = OnDevice(slots);
  return BeginStep(own_);
}

model::Attention* TensorKvStore::BeginStep(const StepTensors& step) {
  step_ = &step;
  return this;
}

StepTensors TensorKvStore::DecodeTensors(const std::vector<QueryGroup>& groups,
                                         const DecodeShape& shape,
                                         int32_t spare_block) const {
  std::vector<int64_t> slots(static_cast<size_t>(shape.rows), spare_block * kBlockPositions);
  for (const QueryGroup& group : groups) {
    for (const QueryRun& run : group.runs) {
      CR_CHECK(run.num_rows == 1);
      slots[static_cast<size_t>(run.first_row)] = Slot(group, run, run.first_position);
    }
  }
  return {.write_M = OnDevice(slots),
          .prompts = {},
          .decode = MakeDecodeRows(groups, shape, spare_block)};
}

at::Tensor TensorKvStore::Attend(int layer,
                                 const at::Tensor& q_MHE,
                                 const at::Tensor& k_MKE,
                                 const at::Tensor& v_MKE) {
  keys_SKE_[static_cast<size_t>(layer)].index_copy_(0, step_->write_M, k_MKE.to(type_));
  values_SKE_[static_cast<size_t>(layer)].index_copy_(0, step_->write_M, v_MKE.to(type_));
  at::Tensor out_MHE = at::empty(q_MHE.sizes(), q_MHE.options());
  for (const PromptRun& run : step_->prompts) AttendPrompt(run, layer, q_MHE, &out_MHE);
  if (!step_->decode.empty()) AttendRows(step_->decode, layer, q_MHE, &out_MHE);
  return out_MHE;
}

void TensorKvStore::AttendPrompt(const PromptRun& run,
                                 int layer,
                                 const at::Tensor& q_MHE,
                                 at::Tensor* out_MHE) const {
  const auto heads_first = [](const at::Tensor& x_XHE) {
    return x_XHE.transpose(0, 1).unsqueeze(0);
  };
  const at::Tensor& keys = keys_SKE_[static_cast<size_t>(layer)];
  const at::Tensor& values = values_SKE_[static_cast<size_t>(layer)];
  const at::Tensor attended = at::scaled_dot_product_attention(
      heads_first(q_MHE.narrow(0, run.first_row, run.num_rows).to(type_)),
      heads_first(keys.index_select(0, run.slots_L)),
      heads_first(values.index_select(0, run.slots_L)),
      run.mask_NL,
      0.0,
      /*is_causal=*/false,
      std::nullopt,
      /*enable_gqa=*/q_MHE.size(1) != keys.size(1));
  out_MHE->narrow(0, run.first_row, run.num_rows).copy_(attended.squeeze(0).transpose(0, 1));
}

void TensorKvStore::AttendRows(const DecodeRows& rows,
                               int layer,
                               const at::Tensor& q_MHE,
                               at::Tensor* out_MHE) const {
  const at::Tensor& keys = keys_SKE_[static_cast<size_t>(layer)];
  const at::Tensor& values = values_SKE_[static_cast<size_t>(layer)];
  const int64_t kv_heads = keys.size(1), per_head = q_MHE.size(1) / kv_heads, width = q_MHE.size(2);
  const int64_t groups = rows.row_CW.size(0), group_rows = rows.row_CW.size(1);
  const at::Tensor scaled_MHE = q_MHE.to(at::kFloat) / std::sqrt(static_cast<double>(width));

  const Part own =
      AttendPart(scaled_MHE.index_select(0, rows.row_R).view({-1, kv_heads, per_head, width}),
                 Gather(keys, rows.own_RO),
                 Gather(values, rows.own_RO),
                 rows.own_mask_RO.unsqueeze(1).unsqueeze(1));
  // The tokens of a group are rows of one matrix per key/value head.
  const Part by_group = AttendPart(scaled_MHE.index_select(0, rows.row_CW.flatten())
                                       .view({groups, group_rows, kv_heads, per_head, width})
                                       .transpose(1, 2)
                                       .reshape({groups, kv_heads, group_rows * per_head, width}),
                                   Gather(keys, rows.shared_CP),
                                   Gather(values, rows.shared_CP),
                                   rows.shared_mask_CP.unsqueeze(1).unsqueeze(1));
  const auto by_row = [&](const at::Tensor& x) {
    return x.view({groups, kv_heads, group_rows, per_head, x.size(3)})
        .transpose(1, 2)
        .flatten(0, 1)
        .index_select(0, rows.place_R);
  };
  const Part shared{.sum = by_row(by_group.sum),
                    .weight = by_row(by_group.weight),
                    .most = by_row(by_group.most)};
  const at::Tensor most = at::maximum(own.most, shared.most);
  const at::Tensor own_share = (own.most - most).exp(), shared_share = (shared.most - most).exp();
  const at::Tensor attended = (own.sum * own_share + shared.sum * shared_share) /
                              (own.weight * own_share + shared.weight * shared_share);
  out_MHE->index_copy_(0, rows.row_R, attended.flatten(1, 2).to(q_MHE.scalar_type()));
}

at::Tensor TensorKvStore::OnDevice(const std::vector<int64_t>& values) const {
  return torch::tensor(values, at::kLong).to(device_);
}

PromptRun TensorKvStore::MakePromptRun(const QueryGroup& group, const QueryRun& run) const {
  const int64_t num_keys = run.first_position + run.num_rows;
  std::vector<int64_t> slots, positions;
  for (int64_t key = 0; key < num_keys; ++key) slots.push_back(Slot(group, run, key));
  for (int64_t i = 0; i < run.num_rows; ++i) positions.push_back(run.first_position + i);
  const at::Tensor unseen_NL =
      at::arange(num_keys, at::TensorOptions().dtype(at::kLong).device(device_)) >
      OnDevice(positions).unsqueeze(1);
  return {.first_row = run.first_row,
          .num_rows = run.num_rows,
          .slots_L = OnDevice(slots),
          .mask_NL = at::zeros(unseen_NL.sizes(), at::TensorOptions().dtype(type_).device(device_))
                         .masked_fill_(unseen_NL, -std::numeric_limits<float>::infinity())};
}

DecodeRows TensorKvStore::MakeDecodeRows(const std::vector<QueryGroup>& groups,
                                         const DecodeShape& shape,
                                         int32_t spare_block) const {
  const int64_t spare = spare_block * kBlockPositions;
  std::vector<int64_t> rows, own, own_lengths, group_rows, shared, shared_lengths, places;
  const auto index = [](int64_t i) { return static_cast<size_t>(i); };
  group_rows.assign(index(shape.groups * shape.group_rows), groups.front().runs.front().first_row);
  shared.assign(index(shape.groups * shape.shared_keys), spare);
  shared_lengths.assign(index(shape.groups), 0);
  for (size_t g = 0; g < groups.size(); ++g) {
    const QueryGroup& group = groups[g];
    const auto first_place = static_cast<int64_t>(g) * shape.group_rows;
    int64_t place = first_place;
    for (const QueryRun& run : group.runs) {
      for (int64_t i = 0; i < run.num_rows; ++i, ++place) {
        const int64_t row = run.first_row + i,
                      num_own = run.first_position + i + 1 - group.shared_length;
        rows.push_back(row);
        places.push_back(place);
        group_rows[index(place)] = row;
        own_lengths.push_back(num_own);
        for (int64_t key = 0; key < shape.own_keys; ++key) {
          own.push_back(key < num_own ? Slot(group, run, group.shared_length + key) : spare);
        }
      }
    }
    shared_lengths[g] = group.shared_length;
    for (int64_t key = 0; key < group.shared_length; ++key) {
      shared[index(static_cast<int64_t>(g) * shape.shared_keys + key)] =
          group.shared_blocks[key / kBlockPositions] * kBlockPositions + key % kBlockPositions;
    }
  }
  // Padding rows see one key of the spare block.
  for (auto row = static_cast<int64_t>(rows.size()); row < shape.rows; ++row) {
    rows.push_back(row);
    places.push_back(0);
    own_lengths.push_back(1);
    own.insert(own.end(), index(shape.own_keys), spare);
  }
  const auto mask = [&](const std::vector<int64_t>& lengths, int64_t keys) {
    const at::Tensor unseen =
        at::arange(keys, at::TensorOptions().dtype(at::kLong).device(device_)) >=
        OnDevice(lengths).unsqueeze(1);
    return at::zeros(unseen.sizes(), at::TensorOptions().dtype(at::kFloat).device(device_))
        .masked_fill_(unseen, kUnseen);
  };
  return {.row_R = OnDevice(rows),
          .own_RO = OnDevice(own).view({shape.rows, shape.own_keys}),
          .own_mask_RO = mask(own_lengths, shape.own_keys),
          .row_CW = OnDevice(group_rows).view({shape.groups, shape.group_rows}),
          .shared_CP = OnDevice(shared).view({shape.groups, shape.shared_keys}),
          .shared_mask_CP = mask(shared_lengths, shape.shared_keys),
          .place_R = OnDevice(places)};
}

int64_t TensorBlockBytes(const model::ModelConfig& config, at::ScalarType type) {
  return 2 * config.num_layers * kBlockPositions * config.num_kv_heads * config.head_dim *
         static_cast<int64_t>(c10::elementSize(type));
}

}  // namespace convrec::engine
