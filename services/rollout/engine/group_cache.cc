#include "services/rollout/engine/group_cache.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <torch/types.h>

#include "libs/base/check.h"

namespace convrec::rollout {
namespace {

constexpr int64_t kGrowth = 64;  // Capacities are multiples of it.

int64_t RoundUp(int64_t length) { return (length + kGrowth - 1) / kGrowth * kGrowth; }

at::Tensor ToDevice(const std::vector<int64_t>& values, at::Device device) {
  return torch::tensor(values, at::kLong).to(device);
}

// Grows dimension 2 to `capacity` and keeps what is there.
void Grow(at::Tensor* tensor, int64_t capacity) {
  auto shape = tensor->sizes().vec();
  const int64_t old = shape[2];
  shape[2] = capacity;
  at::Tensor grown = at::zeros(shape, tensor->options());
  if (old > 0) grown.narrow(2, 0, old).copy_(*tensor);
  *tensor = grown;
}

}  // namespace

GroupCache::GroupCache(const model::ModelConfig& config, at::Device device, int64_t max_groups, int64_t siblings)
    : config_(config), device_(device), max_groups_(max_groups), siblings_(siblings), layers_(config.num_layers) {
  CR_CHECK(max_groups > 0 && siblings > 0);
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  for (Layer& layer : layers_) {
    for (at::Tensor* tensor : {&layer.prompt_k_CKPE, &layer.prompt_v_CKPE}) {
      *tensor = at::zeros({max_groups, config.num_kv_heads, 0, config.head_dim}, options);
    }
    for (at::Tensor* tensor : {&layer.own_k_RKTE, &layer.own_v_RKTE}) {
      *tensor = at::zeros({max_groups * siblings, config.num_kv_heads, 0, config.head_dim}, options);
    }
  }
}

void GroupCache::ReservePrompt(int64_t length) {
  if (length <= prompt_capacity_) return;
  prompt_capacity_ = RoundUp(length);
  for (Layer& layer : layers_) {
    Grow(&layer.prompt_k_CKPE, prompt_capacity_);
    Grow(&layer.prompt_v_CKPE, prompt_capacity_);
  }
}

void GroupCache::ReserveOwn(int64_t length) {
  if (length <= own_capacity_) return;
  own_capacity_ = RoundUp(length);
  for (Layer& layer : layers_) {
    Grow(&layer.own_k_RKTE, own_capacity_);
    Grow(&layer.own_v_RKTE, own_capacity_);
  }
}

int64_t GroupCache::bytes() const {
  int64_t bytes = 0;
  for (const Layer& layer : layers_) {
    bytes += 2 * (layer.prompt_k_CKPE.nbytes() + layer.own_k_RKTE.nbytes());
  }
  return bytes;
}

// Writes the prompts' keys and values and attends causally within each prompt.
class GroupCache::PrefillAttention final : public model::Attention {
 public:
  PrefillAttention(GroupCache* cache, int64_t first_slot, const std::vector<int64_t>& lengths)
      : cache_(cache), num_prompts_(static_cast<int64_t>(lengths.size())) {
    longest_ = *std::max_element(lengths.begin(), lengths.end());
    is_dense_ = std::all_of(lengths.begin(), lengths.end(), [this](int64_t n) { return n == longest_; });
    const int64_t heads = cache->config_.num_kv_heads;
    std::vector<int64_t> write, padded;
    for (int64_t i = 0; i < num_prompts_; ++i) {
      for (int64_t p = 0; p < lengths[i]; ++p) {
        padded.push_back(i * longest_ + p);
        for (int64_t k = 0; k < heads; ++k) {
          write.push_back(((first_slot + i) * heads + k) * cache->prompt_capacity_ + p);
        }
      }
    }
    write_MK_ = ToDevice(write, cache->device_);
    padded_M_ = ToDevice(padded, cache->device_);
  }

  at::Tensor Attend(int layer, const at::Tensor& q_MHE, const at::Tensor& k_MKE, const at::Tensor& v_MKE) override {
    const int64_t width = cache_->config_.head_dim;
    Layer& store = cache_->layers_[layer];
    store.prompt_k_CKPE.view({-1, width}).index_copy_(0, write_MK_, k_MKE.reshape({-1, width}));
    store.prompt_v_CKPE.view({-1, width}).index_copy_(0, write_MK_, v_MKE.reshape({-1, width}));
    const at::Tensor out = at::scaled_dot_product_attention(Pad(q_MHE),
                                                            Pad(k_MKE),
                                                            Pad(v_MKE),
                                                            /*attn_mask=*/{},
                                                            /*dropout_p=*/0.0,
                                                            /*is_causal=*/true,
                                                            /*scale=*/std::nullopt,
                                                            /*enable_gqa=*/true);
    const at::Tensor flat = out.transpose(1, 2).reshape({-1, q_MHE.size(1), width});
    return is_dense_ ? flat : flat.index_select(0, padded_M_);
  }

 private:
  // [M, X, E] -> [prompts, X, longest, E]; the padding lies behind every real token, so causality hides it.
  at::Tensor Pad(const at::Tensor& x_MXE) const {
    at::Tensor padded = x_MXE;
    if (!is_dense_) {
      padded = at::zeros({num_prompts_ * longest_, x_MXE.size(1), x_MXE.size(2)}, x_MXE.options());
      padded.index_copy_(0, padded_M_, x_MXE);
    }
    return padded.view({num_prompts_, longest_, x_MXE.size(1), x_MXE.size(2)}).transpose(1, 2);
  }

  GroupCache* const cache_;
  const int64_t num_prompts_;
  int64_t longest_ = 0;
  bool is_dense_ = false;
  at::Tensor write_MK_, padded_M_;
};

// One token per row: a product with the shared prompt for the whole group, one with the row's own tokens,
// and a softmax over both.
class GroupCache::DecodeAttention final : public model::Attention {
 public:
  DecodeAttention(GroupCache* cache, const std::vector<Row>& rows)
      : cache_(cache), groups_(cache->num_groups()) {
    const int64_t heads = cache->config_.num_kv_heads;
    const int64_t siblings = cache->siblings_;
    for (const Row& row : rows) own_ = std::max(own_, row.own_length + 1);
    for (int64_t length : cache->prompt_length_) prompt_ = std::max(prompt_, length);
    is_full_ = static_cast<int64_t>(rows.size()) == groups_ * siblings;

    std::vector<int64_t> write, grid, own_length(groups_ * siblings, 1);
    for (const Row& row : rows) {
      const int64_t r = row.slot * siblings + row.sibling;
      grid.push_back(r);
      own_length[r] = row.own_length + 1;
      for (int64_t k = 0; k < heads; ++k) write.push_back((r * heads + k) * cache->own_capacity_ + row.own_length);
    }
    write_MK_ = ToDevice(write, cache->device_);
    grid_M_ = ToDevice(grid, cache->device_);

    // 0 where a key exists, -inf elsewhere: [C, 1, S, 1, P + T].
    const auto longs = at::TensorOptions().dtype(at::kLong).device(cache->device_);
    const at::Tensor prompt_length_C = ToDevice(cache->prompt_length_, cache->device_);
    const at::Tensor own_length_R = ToDevice(own_length, cache->device_);
    const at::Tensor has_prompt = (at::arange(prompt_, longs) < prompt_length_C.unsqueeze(1))
                                      .view({groups_, 1, prompt_})
                                      .expand({groups_, siblings, prompt_});
    const at::Tensor has_own =
        (at::arange(own_, longs) < own_length_R.unsqueeze(1)).view({groups_, siblings, own_});
    const at::Tensor exists = at::cat({has_prompt, has_own}, 2);
    bias_ = at::zeros(exists.sizes(), at::TensorOptions().dtype(at::kFloat).device(cache->device_))
                .masked_fill_(exists.logical_not(), -std::numeric_limits<float>::infinity())
                .view({groups_, 1, siblings, 1, prompt_ + own_});
  }

  at::Tensor Attend(int layer, const at::Tensor& q_MHE, const at::Tensor& k_MKE, const at::Tensor& v_MKE) override {
    const int64_t A = groups_, S = cache_->siblings_, P = prompt_, T = own_;
    const int64_t H = q_MHE.size(1), K = cache_->config_.num_kv_heads, R = H / K, E = cache_->config_.head_dim;
    Layer& store = cache_->layers_[layer];
    store.own_k_RKTE.view({-1, E}).index_copy_(0, write_MK_, k_MKE.reshape({-1, E}));
    store.own_v_RKTE.view({-1, E}).index_copy_(0, write_MK_, v_MKE.reshape({-1, E}));

    at::Tensor q = q_MHE * (1.0 / std::sqrt(static_cast<double>(E)));
    if (!is_full_) {
      at::Tensor grid = at::zeros({A * S, H, E}, q.options());
      grid.index_copy_(0, grid_M_, q);
      q = grid;
    }
    const at::Tensor q_own = q.view({A * S * K, R, E});
    const at::Tensor q_prompt = q.view({A, S, K, R, E}).transpose(1, 2).reshape({A * K, S * R, E});
    const auto used = [&](const at::Tensor& cache, int64_t rows, int64_t length) {
      return cache.narrow(0, 0, rows).narrow(2, 0, length).view({rows * K, length, E});
    };
    const at::Tensor prompt_scores =
        at::bmm(q_prompt, used(store.prompt_k_CKPE, A, P).transpose(1, 2)).view({A, K, S, R, P});
    const at::Tensor own_scores = at::bmm(q_own, used(store.own_k_RKTE, A * S, T).transpose(1, 2))
                                      .view({A, S, K, R, T})
                                      .transpose(1, 2);
    at::Tensor weights = at::softmax(at::cat({prompt_scores, own_scores}, 4).add_(bias_), 4);
    const at::Tensor from_prompt =
        at::bmm(weights.narrow(4, 0, P).reshape({A * K, S * R, P}), used(store.prompt_v_CKPE, A, P))
            .view({A, K, S, R, E})
            .transpose(1, 2);
    const at::Tensor from_own =
        at::bmm(weights.narrow(4, P, T).transpose(1, 2).reshape({A * S * K, R, T}), used(store.own_v_RKTE, A * S, T))
            .view({A, S, K, R, E});
    const at::Tensor out = (from_own + from_prompt).view({A * S, H, E});
    return is_full_ ? out : out.index_select(0, grid_M_);
  }

 private:
  GroupCache* const cache_;
  const int64_t groups_;
  int64_t prompt_ = 0;
  int64_t own_ = 0;
  bool is_full_ = false;   // Every sibling of every slot runs: rows are the grid itself.
  at::Tensor write_MK_, grid_M_, bias_;
};

model::Attention* GroupCache::BeginPrefill(const std::vector<int64_t>& prompt_lengths) {
  const int64_t first_slot = num_groups();
  CR_CHECK(first_slot + static_cast<int64_t>(prompt_lengths.size()) <= max_groups_, "no free slot");
  for (int64_t length : prompt_lengths) {
    ReservePrompt(length);
    prompt_length_.push_back(length);
    own_length_.push_back(0);
  }
  pass_ = std::make_unique<PrefillAttention>(this, first_slot, prompt_lengths);
  return pass_.get();
}

model::Attention* GroupCache::BeginDecode(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    own_length_[row.slot] = std::max(own_length_[row.slot], row.own_length + 1);
    ReserveOwn(row.own_length + 1);
  }
  pass_ = std::make_unique<DecodeAttention>(this, rows);
  return pass_.get();
}

void GroupCache::Remove(int64_t slot) {
  const int64_t last = num_groups() - 1;
  CR_CHECK(slot >= 0 && slot <= last);
  if (slot != last) {
    const int64_t prompt = prompt_length_[last];
    const int64_t own = own_length_[last];
    for (Layer& layer : layers_) {
      for (at::Tensor* tensor : {&layer.prompt_k_CKPE, &layer.prompt_v_CKPE}) {
        tensor->select(0, slot).narrow(1, 0, prompt).copy_(tensor->select(0, last).narrow(1, 0, prompt));
      }
      for (at::Tensor* tensor : {&layer.own_k_RKTE, &layer.own_v_RKTE}) {
        tensor->narrow(0, slot * siblings_, siblings_)
            .narrow(2, 0, own)
            .copy_(tensor->narrow(0, last * siblings_, siblings_).narrow(2, 0, own));
      }
    }
    prompt_length_[slot] = prompt;
    own_length_[slot] = own;
  }
  prompt_length_.pop_back();
  own_length_.pop_back();
}

}  // namespace convrec::rollout
