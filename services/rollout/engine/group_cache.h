// Keys and values of running groups: each prompt once, each sibling's own tokens beside it.
//
// Groups live in slots 0..num_groups()-1 of a grid with a fixed number of siblings; Remove() moves the last
// group into the freed slot, so that the used part is always one contiguous block. Memory grows with
// the lengths in use and is bounded by max_rows and the longest sequence. One thread.
// Shapes: C group slots, S siblings, H query heads, K key/value heads, E head width, P prompt tokens, T own
// tokens, M tokens of one pass.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

#include "libs/model/attention.h"
#include "libs/model/model_config.h"

namespace convrec::rollout {

class GroupCache final {
 public:
  // A cache for groups of `siblings` with room for `max_groups` of them.
  GroupCache(const model::ModelConfig& config, at::Device device, int64_t max_groups, int64_t siblings);

  int64_t siblings() const { return siblings_; }
  int64_t max_groups() const { return max_groups_; }
  int64_t num_groups() const { return static_cast<int64_t>(prompt_length_.size()); }

  // Takes slots for prompts of these lengths and returns the attention of their prefill pass, whose flat
  // tokens are the prompts one after another. Valid until the next call.
  model::Attention* BeginPrefill(const std::vector<int64_t>& prompt_lengths);

  // One row of a decode pass: a sibling that gets its next token.
  struct Row {
    int64_t slot = 0;
    int64_t sibling = 0;
    int64_t own_length = 0;    // Own tokens before this one.
  };
  // The attention of a decode pass over one token per row; rows in the order of (slot, sibling).
  model::Attention* BeginDecode(const std::vector<Row>& rows);

  // Frees a slot; the group of the last slot moves into it.
  void Remove(int64_t slot);

  int64_t bytes() const;

 private:
  class PrefillAttention;
  class DecodeAttention;
  struct Layer {
    at::Tensor prompt_k_CKPE, prompt_v_CKPE;
    at::Tensor own_k_RKTE, own_v_RKTE;   // R = C * S rows.
  };

  void ReservePrompt(int64_t length);
  void ReserveOwn(int64_t length);

  const model::ModelConfig config_;
  const at::Device device_;
  const int64_t max_groups_;
  const int64_t siblings_;
  std::vector<Layer> layers_;
  std::vector<int64_t> prompt_length_;   // Per used slot.
  std::vector<int64_t> own_length_;      // Per used slot, the longest sibling.
  int64_t prompt_capacity_ = 0;
  int64_t own_capacity_ = 0;
  std::unique_ptr<model::Attention> pass_;
};

}  // namespace convrec::rollout
