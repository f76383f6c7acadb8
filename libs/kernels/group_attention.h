// Causal attention over whole groups, and its gradients: each prompt stands once and its
// completions attend to it.
//
// Rows of a group are its prompt's tokens, then the tokens of completion 0, 1, ... A prompt token
// sees the prompt up to itself, a completion token the whole prompt and its own completion up to
// itself. Lengths are what they are: nothing is padded to the longest. A row's result, and in the
// backward pass a group's, does not depend on what stands beside it. No more than one block of
// scores is held at a time. Shapes: M rows, H query heads, K key/value heads, E head width.
#pragma once

#include <cstdint>
#include <vector>

#include "libs/kernels/kernel_table.h"

namespace convrec::kernels {

struct AttentionGroup {
  int64_t first = 0;                 // Row of its first prompt token.
  int64_t prompt = 0;                // Tokens.
  std::vector<int64_t> completions;  // Tokens of each.
};

struct AttentionHeads {
  int64_t queries = 0;  // H, a multiple of K.
  int64_t keys = 0;     // K
  int64_t width = 0;    // E
};

// Heads of rows, `stride` floats from row to row; heads follow each other without a gap.
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

// `out_MHE` and `normalizer_MH` as the forward pass gave them. Every element of the gradients is
// set.
void GroupAttentionBackward(const std::vector<AttentionGroup>& groups,
                            const AttentionHeads& heads,
                            const AttentionInputs& inputs,
                            const float* out_MHE,
                            const float* normalizer_MH,
                            const float* gradient_MHE,
                            const AttentionGradients& gradients,
                            const KernelTable& kernels = Kernels());

}  // namespace convrec::kernels
