// Softmax over columns that arrive in blocks: a row's maximum and sums are updated block by block.
// Shapes: M rows, C columns of a block.
#pragma once

#include <cstdint>
#include <limits>

namespace convrec::kernels {

// State over the logits x / T seen so far, with y = (x - most) / T.
struct SoftmaxState {
  float most = -std::numeric_limits<float>::infinity();  // Maximum of x.
  float sum = 0;                                         // sum exp(y)
  float weighted = 0;                                    // sum exp(y) y
  float target = 0;                                      // x of the target.
};

// Adds the logits of columns [first, first + c) to state_M; targets are column numbers.
void GrowSoftmax(const float* logits_MC,
                 int64_t m,
                 int64_t c,
                 int64_t first,
                 float inverse_temperature,
                 const int64_t* target_M,
                 SoftmaxState* state_M);

// Upstream gradients with respect to a row's log-probability of its target and to its entropy.
struct SoftmaxGradient {
  const float* logprob_M = nullptr;  // Either may be null.
  const float* entropy_M = nullptr;
};

// Replaces the logits of columns [first, first + c) by their gradients. `normalizer_M` is the
// logarithm of sum exp(x / T).
void SoftmaxBackward(float* logits_MC,
                     int64_t m,
                     int64_t c,
                     int64_t first,
                     float inverse_temperature,
                     const int64_t* target_M,
                     const float* normalizer_M,
                     const float* row_entropy_M,
                     const SoftmaxGradient& upstream);

}  // namespace convrec::kernels
