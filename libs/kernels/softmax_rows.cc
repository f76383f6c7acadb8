#include "libs/kernels/softmax_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "libs/kernels/kernel_table.h"
#include "libs/kernels/parallel.h"

namespace convrec::kernels {
namespace {

// exp_in_place() for any number of values.
void ExpRow(const KernelTable& kernels, float* x, int64_t n, float shift, float scale) {
  const int64_t whole = n / kLanes * kLanes;
  kernels.exp_in_place(x, whole, shift, scale);
  if (whole == n) return;
  float tail[kLanes] = {};
  std::memcpy(tail, x + whole, static_cast<size_t>(n - whole) * sizeof(float));
  kernels.exp_in_place(tail, kLanes, shift, scale);
  std::memcpy(x + whole, tail, static_cast<size_t>(n - whole) * sizeof(float));
}

}  // namespace

void GrowSoftmax(const float* logits,
                 int64_t m,
                 int64_t c,
                 int64_t first,
                 float inverse_temperature,
                 const int64_t* target_M,
                 SoftmaxState* state_M) {
  const KernelTable& kernels = Kernels();
  ParallelFor((m + 15) / 16, [&](int64_t part) {
    for (int64_t row = 16 * part; row < std::min(m, 16 * part + 16); ++row) {
      const float* x = logits + row * c;
      SoftmaxState& state = state_M[row];
      const float most = std::max(state.most, kernels.max(x, c));
      if (state.sum > 0) {
        const float shift = (state.most - most) * inverse_temperature, factor = std::exp(shift);
        state.weighted = factor * (state.weighted + shift * state.sum);
        state.sum *= factor;
      }
      state.most = most;
      float weighted;
      state.sum += kernels.exp_moments(x, c, most, inverse_temperature, &weighted);
      state.weighted += weighted;
      const int64_t target = target_M[row] - first;
      if (target >= 0 && target < c) state.target = x[target];
    }
  });
}

void SoftmaxBackward(float* logits,
                     int64_t m,
                     int64_t c,
                     int64_t first,
                     float inverse_temperature,
                     const int64_t* target_M,
                     const float* normalizer_M,
                     const float* row_entropy_M,
                     const SoftmaxGradient& upstream) {
  const KernelTable& kernels = Kernels();
  ParallelFor((m + 15) / 16, [&](int64_t part) {
    std::vector<float> surprise;
    for (int64_t row = 16 * part; row < std::min(m, 16 * part + 16); ++row) {
      float* x = logits + row * c;
      const float of_logprob =
          upstream.logprob_M == nullptr ? 0 : upstream.logprob_M[row] * inverse_temperature;
      const float normalizer = normalizer_M[row];
      if (upstream.entropy_M != nullptr) {
        surprise.resize(static_cast<size_t>(c));
        for (int64_t i = 0; i < c; ++i)
          surprise[static_cast<size_t>(i)] =
              x[i] * inverse_temperature - normalizer + row_entropy_M[row];
      }
      ExpRow(kernels, x, c, normalizer / inverse_temperature, inverse_temperature);
      if (upstream.entropy_M != nullptr) {
        const float of_entropy = upstream.entropy_M[row] * inverse_temperature;
        for (int64_t i = 0; i < c; ++i)
          x[i] *= -(of_logprob + of_entropy * surprise[static_cast<size_t>(i)]);
      } else {
        for (int64_t i = 0; i < c; ++i) x[i] *= -of_logprob;
      }
      const int64_t target = target_M[row] - first;
      if (target >= 0 && target < c) x[target] += of_logprob;
    }
  });
}

}  // namespace convrec::kernels
