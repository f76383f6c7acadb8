// Differentiable attention over whole groups. Each prompt is there once and its siblings attend to
// it.
//
// The tokens of group c are flattened as prompt tokens, then sibling 0's completion, sibling 1's,
// ... A prompt token sees the prompt up to itself; a completion token sees the whole prompt and its
// own completion up to itself. A plain sequence is a group with one prompt and no completion.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "libs/model/attention.h"

namespace convrec::model {

struct GroupShape {
  int64_t prompt_tokens = 0;               // >= 1.
  std::vector<int64_t> completion_tokens;  // One per sibling, each >= 0.
};

// Positions (for rotary embeddings) and indices of a flat batch of groups.
struct GroupLayout {
  explicit GroupLayout(std::vector<GroupShape> shapes);
  std::vector<GroupShape> groups;
  int64_t num_tokens = 0;          // M
  std::vector<int64_t> positions;  // M; a completion continues the positions of its prompt.
  // For every completion token, ordered by group, sibling and token: the flat index of the token
  // whose hidden state predicts it (for the first one, the last prompt token).
  std::vector<int64_t> predictor_index;
  int64_t num_completion_tokens() const { return static_cast<int64_t>(predictor_index.size()); }
};

// On a CPU nothing is padded (libs/kernels/group_attention.h); elsewhere prompts and completions
// are padded to rectangles. Index tensors are on `device`; `layout` need not outlive the result.
std::shared_ptr<Attention> MakeGroupAttention(const GroupLayout& layout, at::Device device);

}  // namespace convrec::model
