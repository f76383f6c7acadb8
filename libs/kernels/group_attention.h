// Causal attention over whole groups, and its gradients. Each prompt is there once and its
// completions attend to it.
//
// Rows of a group are its prompt's tokens, then the tokens of completion 0, 1, ... A prompt token
// sees the prompt up to itself; a completion token sees the whole prompt and its own completion up
// to itself. Nothing is padded to the longest length. The result of a row, or in the backward pass
// of a group, does not depend on the others. At most one block of scores is held at a time. Shapes:
// M rows, H query heads, K key/value heads, E head width.
#pragma once

#include <cstdint>
#include <vector>

#include "libs/kernels/kernel_table.h"

namespace convrec::kernels {

struct AttentionGroup {
  int64_t first = 0;                 // Row of the first prompt token.
  int64_t prompt = 0;                // Number of prompt tokens.
  std::vector<int64_t> completions;  // Number of tokens of each.
};

struct AttentionHeads {
  int64_t queries = 0;  // H, a multiple of K.
  int64_t keys = 0;     // K
  int64_t width = 0;    // E
};

// Heads of rows, with `stride` floats from row to row; heads are contiguous.
template <typename T>
struct HeadRows {
  T* data = nullptr;
  int64_t stride = 0;
};

struct AttentionInputs {
  HeadRows<const float> q_MHE, k_MKE, v_MKE;
};

// Scores are scaled by 1 / sqrt(E). `normalizer_MH`, the logarithm of each row's sum of
// exponentials, may be null.
void GroupAttentionForward(const std::vector<AttentionGroup>& groups,
                           const AttentionHeads& heads,
                           const AttentionInputs& inputs,
                           float* out_MHE,
                           float* normalizer_MH,
                           const KernelTable& kernels = Kernels());

struct AttentionGradients {
  HeadRows<float> q_MHE, k_MKE, v_MKE;
};

// `out_MHE` and `normalizer_MH` are the results of the forward pass. Every element of the gradients
// is set.
void GroupAttentionBackward(const std::vector<AttentionGroup>& groups,
                            const AttentionHeads& heads,
                            const AttentionInputs& inputs,
                            const float* out_MHE,
                            const float* normalizer_MH,
                            const float* gradient_MHE,
                            const AttentionGradients& gradients,
                            const KernelTable& kernels = Kernels());

}  // namespace convrec::kernels
