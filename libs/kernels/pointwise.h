// Row operations between the products of a decoder layer, parallel over rows.
// Shapes: M rows, D width, F width of the feed-forward, X heads, E head width.
#pragma once

#include <cstdint>

namespace convrec::kernels {

// out = x * scale * weight with scale = 1 / sqrt(mean(x^2) + eps), per row; scales go to `scale_M`
// if it is given.
void RmsNormRows(const float* x_MD,
                 int64_t m,
                 int64_t d,
                 const float* weight_D,
                 float eps,
                 float* out_MD,
                 float* scale_M = nullptr);

// The gradients of the same; scale_M is what RmsNormRows() gave. Sums over rows are taken over
// fixed parts in a fixed order, whatever the number of threads. `weight_gradient_D` is set.
void RmsNormBackwardRows(const float* x_MD,
                         int64_t m,
                         int64_t d,
                         const float* weight_D,
                         const float* scale_M,
                         const float* gradient_MD,
                         float* out_MD,
                         float* weight_gradient_D);

// out = silu(first half of a row) * second half.
void GatedSiluRows(const float* gate_up_M2F, int64_t m, int64_t f, float* out_MF);
void GatedSiluBackwardRows(
    const float* gate_up_M2F, int64_t m, int64_t f, const float* gradient_MF, float* out_M2F);

// Normalises (if weights are given) and rotates in place the first `q_heads` + `k_heads` heads of
// rows that have `row_heads` heads. A head's halves (a, b) become (a cos - b sin, b cos + a sin).
struct HeadRotation {
  int64_t row_heads = 0;
  int64_t q_heads = 0;
  int64_t k_heads = 0;
  int64_t width = 0;           // E, even.
  const float* cos = nullptr;  // [M, stride]; the first E / 2 of a row are read.
  const float* sin = nullptr;  // [M, stride]
  int64_t angle_stride = 0;
  const float* q_norm_E = nullptr;  // Optional.
  const float* k_norm_E = nullptr;
  float eps = 0;
};
void RotateHeads(float* x_MXE, int64_t m, const HeadRotation& rotation);

}  // namespace convrec::kernels
