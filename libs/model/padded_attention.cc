#include "libs/model/padded_attention.h"

#include <torch/types.h>

#include <algorithm>
#include <limits>

#include "libs/model/row_gather.h"

// Shapes: M tokens, C groups, P longest prompt, G most siblings, T longest completion, H query
// heads, K key/value heads, R = H / K, E head width.
namespace convrec::model {
namespace {

class PaddedAttention final : public Attention {
 public:
  PaddedAttention(const GroupLayout& layout, at::Device device) : device_(device) {
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
    const at::Tensor prompt_out = AttendPrompts(q, k, v);
    if (max_completion_ == 0) return Join(prompt_out, {});
    return Join(prompt_out, AttendCompletions(q, k, v));
  }

 private:
  struct Blocks {
    at::Tensor prompt;      // [C, P, heads, E]
    at::Tensor completion;  // [C, G*T, heads, E]; undefined when no group has completions.
  };

  // Slots are all prompt slots, then all completion slots. A padding slot repeats the first token
  // of its group, so its values are finite, and no real token sees them.
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

  // What a completion token may see of [prompt, own completion], added to the scores: [T, P + T]
  // when all prompts are equally long, otherwise [C * G, 1, T, P + T].
  void BuildMask(const GroupLayout& layout) {
    constexpr float kHidden = -std::numeric_limits<float>::infinity();
    const at::TensorOptions options = at::TensorOptions().dtype(at::kFloat).device(device_);
    const at::Tensor later = at::full({max_completion_, max_completion_}, kHidden, options).triu(1);
    const at::Tensor causal_TS =
        at::cat({at::zeros({max_completion_, max_prompt_}, options), later}, 1);
    const auto is_longest = [this](const GroupShape& g) { return g.prompt_tokens == max_prompt_; };
    if (std::all_of(layout.groups.begin(), layout.groups.end(), is_longest)) {
      mask_ = causal_TS;
      return;
    }
    mask_ = causal_TS.repeat({num_groups_, max_siblings_, 1, 1});
    for (int64_t c = 0; c < num_groups_; ++c) {
      const int64_t prompt = layout.groups[static_cast<size_t>(c)].prompt_tokens;
      mask_[c].slice(2, prompt, max_prompt_).fill_(kHidden);
    }
    mask_ = mask_.flatten(0, 1).unsqueeze(1);
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

  // [B, T, heads, E] -> [B, T, H, E]; no [T, T] scores are kept for the backward pass.
  static at::Tensor FusedAttention(const at::Tensor& q,
                                   const at::Tensor& k,
                                   const at::Tensor& v,
                                   const std::optional<at::Tensor>& mask) {
    return at::scaled_dot_product_attention(q.transpose(1, 2),
                                            k.transpose(1, 2),
                                            v.transpose(1, 2),
                                            mask,
                                            0.0,
                                            /*is_causal=*/!mask.has_value(),
                                            std::nullopt,
                                            /*enable_gqa=*/q.size(2) != k.size(2))
        .transpose(1, 2);
  }

  // Padding follows the real tokens, so the causal mask hides it. Returns [C, P, H, E].
  static at::Tensor AttendPrompts(const Blocks& q, const Blocks& k, const Blocks& v) {
    return FusedAttention(q.prompt, k.prompt, v.prompt, std::nullopt);
  }

  // Each sibling's queries over the keys of the prompt and its own. Only the prompt's keys and
  // values are copied per sibling, K * E numbers per token, which is little compared with the
  // scores. Returns [C, G*T, H, E].
  at::Tensor AttendCompletions(const Blocks& q, const Blocks& k, const Blocks& v) const {
    const auto siblings = [this](const at::Tensor& x) {
      return x.unflatten(1, {max_siblings_, max_completion_});
    };
    const auto with_prompt = [&](const Blocks& x) {  // [C * G, P + T, K, E]
      const at::Tensor own = siblings(x.completion);
      const at::Tensor shared = x.prompt.unsqueeze(1).expand({-1, max_siblings_, -1, -1, -1});
      return at::cat({shared, own}, 2).flatten(0, 1);
    };
    return FusedAttention(
               siblings(q.completion).flatten(0, 1), with_prompt(k), with_prompt(v), mask_)
        .unflatten(0, {num_groups_, max_siblings_})
        .flatten(1, 2);
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

std::shared_ptr<Attention> MakePaddedAttention(const GroupLayout& layout, at::Device device) {
  return std::make_shared<PaddedAttention>(layout, device);
}

}  // namespace convrec::model
