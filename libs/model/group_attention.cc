#include "libs/model/group_attention.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "libs/base/check.h"
#include "libs/model/row_gather.h"

// Shapes: M tokens, C groups, P longest prompt, G most siblings, T longest completion, H query
// heads, K key/value heads, R = H / K, E head width.
namespace convrec::model {
namespace {

class GroupAttention final : public Attention {
 public:
  GroupAttention(const GroupLayout& layout, at::Device device) : device_(device) {
    num_groups_ = static_cast<int64_t>(layout.groups.size());
    for (const GroupShape& group : layout.groups) {
      max_prompt_ = std::max(max_prompt_, group.prompt_tokens);
      max_siblings_ = std::max(max_siblings_, static_cast<int64_t>(group.completion_tokens.size()));
      for (const int64_t n : group.completion_tokens)
        max_completion_ = std::max(max_completion_, n);
    }
    if (max_completion_ == 0) max_siblings_ = 0;
    is_padded_ = layout.num_tokens != num_groups_ * (max_prompt_ + max_siblings_ * max_completion_);
    if (is_padded_) BuildSlots(layout);
    if (max_completion_ > 0) BuildMask(layout);
  }

  at::Tensor Attend(int /*layer*/,
                    const at::Tensor& q_MHE,
                    const at::Tensor& k_MKE,
                    const at::Tensor& v_MKE) override {
    const Blocks q = Split(q_MHE);
    const Blocks k = Split(k_MKE);
    const Blocks v = Split(v_MKE);
    const at::Tensor prompt_out = AttendPrompts(q.prompt, k.prompt, v.prompt);
    if (max_completion_ == 0) return Join(prompt_out, {});
    return Join(prompt_out, AttendCompletions(q, k, v));
  }

 private:
  struct Blocks {
    at::Tensor prompt;      // [C, P, heads, E]
    at::Tensor completion;  // [C, G*T, heads, E]; undefined when no group has completions.
  };

  // Slots are all prompt slots, then all completion slots. A padding slot repeats the first token
  // of its group: finite values that no real token sees.
  void BuildSlots(const GroupLayout& layout) {
    std::vector<int64_t> source;
    std::vector<float> is_real;
    std::vector<int64_t> slot_of_token(static_cast<size_t>(layout.num_tokens));
    const auto append = [&](int64_t first, int64_t count, int64_t width, int64_t filler) {
      for (int64_t i = 0; i < width; ++i) {
        if (i < count)
          slot_of_token[static_cast<size_t>(first + i)] = static_cast<int64_t>(source.size());
        source.push_back(i < count ? first + i : filler);
        is_real.push_back(i < count ? 1.0F : 0.0F);
      }
    };
    std::vector<int64_t> first_tokens;
    int64_t first = 0;
    for (const GroupShape& group : layout.groups) {
      first_tokens.push_back(first);
      append(first, group.prompt_tokens, max_prompt_, first);
      first += group.prompt_tokens;
      for (const int64_t n : group.completion_tokens) first += n;
    }
    for (size_t c = 0; c < layout.groups.size(); ++c) {
      const GroupShape& group = layout.groups[c];
      int64_t begin = first_tokens[c] + group.prompt_tokens;
      for (int64_t g = 0; g < max_siblings_; ++g) {
        const bool exists = g < static_cast<int64_t>(group.completion_tokens.size());
        const int64_t count = exists ? group.completion_tokens[static_cast<size_t>(g)] : 0;
        append(begin, count, max_completion_, first_tokens[c]);
        begin += count;
      }
    }
    source_ = at::tensor(source, at::kLong).to(device_);
    slot_of_token_ = at::tensor(slot_of_token, at::kLong).to(device_);
    real_mask_ = at::tensor(is_real).to(device_);
  }

  // What a completion token may see of [prompt, own completion], added to the scores.
  // Shape [C or 1, 1, 1, T, 1, P + T].
  void BuildMask(const GroupLayout& layout) {
    constexpr float kHidden = -std::numeric_limits<float>::infinity();
    const bool same_prompts =
        std::all_of(layout.groups.begin(), layout.groups.end(), [&](const GroupShape& group) {
          return group.prompt_tokens == max_prompt_;
        });
    const int64_t rows = same_prompts ? 1 : num_groups_;
    const int64_t width = max_prompt_ + max_completion_;
    std::vector<float> mask(static_cast<size_t>(rows * max_completion_ * width), 0.0F);
    for (int64_t c = 0; c < rows; ++c) {
      for (int64_t t = 0; t < max_completion_; ++t) {
        float* row = mask.data() + (c * max_completion_ + t) * width;
        std::fill(
            row + layout.groups[static_cast<size_t>(c)].prompt_tokens, row + max_prompt_, kHidden);
        std::fill(row + max_prompt_ + t + 1, row + width, kHidden);
      }
    }
    mask_ = at::tensor(mask).view({rows, 1, 1, max_completion_, 1, width}).to(device_);
  }

  Blocks Split(const at::Tensor& x_MHE) const {
    const int64_t heads = x_MHE.size(1);
    const int64_t width = x_MHE.size(2);
    const int64_t completion = max_siblings_ * max_completion_;
    if (!is_padded_) {
      const at::Tensor x = x_MHE.unflatten(0, {num_groups_, max_prompt_ + completion});
      if (completion == 0) return {x, {}};
      const std::vector<at::Tensor> parts = x.split_with_sizes({max_prompt_, completion}, 1);
      return {parts[0], parts[1]};
    }
    const at::Tensor x = SpreadRows(x_MHE, source_, slot_of_token_);
    if (completion == 0) return {x.view({num_groups_, max_prompt_, heads, width}), {}};
    const std::vector<at::Tensor> parts =
        x.split_with_sizes({num_groups_ * max_prompt_, num_groups_ * completion});
    return {parts[0].view({num_groups_, max_prompt_, heads, width}),
            parts[1].view({num_groups_, completion, heads, width})};
  }

  // The inverse of Split.
  at::Tensor Join(const at::Tensor& prompt, const at::Tensor& completion) const {
    if (!is_padded_) {
      return (completion.defined() ? at::cat({prompt, completion}, 1) : prompt).flatten(0, 1);
    }
    const at::Tensor slots = completion.defined()
                                 ? at::cat({prompt.flatten(0, 1), completion.flatten(0, 1)})
                                 : prompt.flatten(0, 1);
    return CollectRows(slots, source_, slot_of_token_, real_mask_);
  }

  // Padding follows the real tokens, so the causal mask hides it. Returns [C, P, H, E].
  static at::Tensor AttendPrompts(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    return at::scaled_dot_product_attention(q.transpose(1, 2),
                                            k.transpose(1, 2),
                                            v.transpose(1, 2),
                                            {},
                                            0.0,
                                            /*is_causal=*/true,
                                            std::nullopt,
                                            /*enable_gqa=*/q.size(2) != k.size(2))
        .transpose(1, 2);
  }

  // Scores of all siblings against their shared prompt are one product per group and key head.
  // Returns [C, G*T, H, E].
  at::Tensor AttendCompletions(const Blocks& q, const Blocks& k, const Blocks& v) const {
    const int64_t kv_heads = k.prompt.size(2);
    const int64_t repeats = q.prompt.size(2) / kv_heads;
    const int64_t width = q.prompt.size(3);
    const double scale = 1.0 / std::sqrt(static_cast<double>(width));
    const int64_t rows = max_completion_ * repeats;
    // [C, K, G*T*R, E]
    const at::Tensor query =
        (q.completion * scale)
            .view({num_groups_, max_siblings_ * max_completion_, kv_heads, repeats, width})
            .transpose(1, 2)
            .flatten(2, 3);
    const at::Tensor query_own = query.view({num_groups_, kv_heads, max_siblings_, rows, width});
    const auto own = [&](const at::Tensor& x) {  // [C, K, G, T, E]
      return x.view({num_groups_, max_siblings_, max_completion_, kv_heads, width})
          .permute({0, 3, 1, 2, 4});
    };
    const std::vector<int64_t> score_shape = {
        num_groups_, kv_heads, max_siblings_, max_completion_, repeats};
    const auto scores_of = [&](const at::Tensor& scores, int64_t keys) {
      std::vector<int64_t> shape = score_shape;
      shape.push_back(keys);
      return scores.view(shape);
    };
    const at::Tensor to_prompt =
        scores_of(at::matmul(query, k.prompt.permute({0, 2, 3, 1})), max_prompt_);
    const at::Tensor to_own =
        scores_of(at::matmul(query_own, own(k.completion).transpose(-1, -2)), max_completion_);
    const at::Tensor weights = at::softmax(at::cat({to_prompt, to_own}, -1) + mask_, -1);
    const std::vector<at::Tensor> parts =
        weights.split_with_sizes({max_prompt_, max_completion_}, -1);
    const at::Tensor from_prompt =
        at::matmul(parts[0].flatten(2, 4), v.prompt.transpose(1, 2)).view(query_own.sizes());
    const at::Tensor from_own = at::matmul(parts[1].flatten(3, 4), own(v.completion));
    return (from_prompt + from_own)
        .view({num_groups_, kv_heads, max_siblings_ * max_completion_, repeats, width})
        .transpose(1, 2)
        .flatten(2, 3);
  }

  const at::Device device_;
  int64_t num_groups_ = 0;
  int64_t max_prompt_ = 0;
  int64_t max_siblings_ = 0;
  int64_t max_completion_ = 0;
  bool is_padded_ = false;
  at::Tensor source_;         // [slots] token of each slot; undefined without padding.
  at::Tensor slot_of_token_;  // [M]
  at::Tensor real_mask_;      // [slots]
  at::Tensor mask_;
};

}  // namespace

GroupLayout::GroupLayout(std::vector<GroupShape> shapes) : groups(std::move(shapes)) {
  for (const GroupShape& group : groups) {
    CR_CHECK(group.prompt_tokens >= 1, "a group has no prompt token");
    for (int64_t i = 0; i < group.prompt_tokens; ++i) positions.push_back(i);
    const int64_t last_prompt_token = num_tokens + group.prompt_tokens - 1;
    num_tokens += group.prompt_tokens;
    for (const int64_t completion : group.completion_tokens) {
      for (int64_t i = 0; i < completion; ++i) {
        positions.push_back(group.prompt_tokens + i);
        predictor_index.push_back(i == 0 ? last_prompt_token : num_tokens + i - 1);
      }
      num_tokens += completion;
    }
  }
}

std::unique_ptr<Attention> MakeGroupAttention(const GroupLayout& layout, at::Device device) {
  return std::make_unique<GroupAttention>(layout, device);
}

}  // namespace convrec::model
