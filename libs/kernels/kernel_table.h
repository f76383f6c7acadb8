// The inner loops, once per instruction set.
//
// Every result element is one chain of multiply-adds over k in ascending order, or a sum over
// sixteen fixed lanes, whatever the number of rows. So a row's result is bit for bit independent of
// the other rows. Whole products and attention are in multiply.h, paged_attention.h and
// pointwise.h. Shapes: R rows of one tile, K summed width, 32 columns of one panel, N elements of a
// row.
#pragma once

#include <cstdint>

#include "libs/kernels/instruction_set.h"

namespace convrec::kernels {

constexpr int64_t kPanelColumns = 32;
constexpr int64_t kLanes = 16;

// What happens to a tile's sums.
struct TileEnd {
  enum class Mode {
    kStore,     // c = sum + bias
    kAdd,       // c = c + (sum + bias)
    kContinue,  // The sum starts from c; no bias.
  };
  Mode mode = Mode::kStore;
  const float* bias = nullptr;  // 32 values, or null.
};

struct KernelTable {
  // Largest number of rows in one tile.
  int max_rows;

  // c[r, 0..32) = sum_k a[r, k] * b[k, 0..32); lda, ldb, ldc in elements.
  void (*tile)(int rows,
               int64_t k,
               const float* a,
               int64_t lda,
               const float* b,
               int64_t ldb,
               float* c,
               int64_t ldc,
               const TileEnd& end);
  // The same with a stored by columns: a[k, r] at k * lda + r.
  void (*tile_by_columns)(int rows,
                          int64_t k,
                          const float* a,
                          int64_t lda,
                          const float* b,
                          int64_t ldb,
                          float* c,
                          int64_t ldc,
                          const TileEnd& end);
  // The same with b in bfloat16, stored as pairs over k: b[k / 2][32][2]; k must be even, products
  // are float32.
  void (*tile_widened)(int rows,
                       int64_t k,
                       const float* a,
                       int64_t lda,
                       const uint16_t* b,
                       float* c,
                       int64_t ldc,
                       const TileEnd& end);
  // The same with both factors in bfloat16 and float32 sums; null if the instruction set has no
  // such products.
  void (*tile_bfloat16)(int rows,
                        int64_t k,
                        const uint16_t* a,
                        int64_t lda,
                        const uint16_t* b,
                        float* c,
                        int64_t ldc,
                        const TileEnd& end);

  // The same with a stored by columns, as pairs over k: a[k / 2][lda][2].
  void (*tile_bfloat16_by_columns)(int rows,
                                   int64_t k,
                                   const uint16_t* a,
                                   int64_t lda,
                                   const uint16_t* b,
                                   float* c,
                                   int64_t ldc,
                                   const TileEnd& end);

  // out = x rounded to bfloat16, nearest even, as float32.
  void (*round_to_bfloat16)(const float* x, int64_t n, float* out);
  // The same as bfloat16.
  void (*to_bfloat16)(const float* x, int64_t n, uint16_t* out);
  // out = x * scale * weight with scale = 1 / sqrt(mean(x^2) + eps), which is returned.
  float (*rms_norm)(const float* x, const float* weight, int64_t n, float eps, float* out);
  // Its gradient: out = that of x, weight_gradient += that of weight; `scale` is what rms_norm
  // returned.
  void (*rms_norm_backward)(const float* x,
                            const float* weight,
                            float scale,
                            const float* gradient,
                            int64_t n,
                            float* out,
                            float* weight_gradient);
  // out = gate / (1 + exp(-gate)) * up
  void (*gated_silu)(const float* gate, const float* up, int64_t n, float* out);
  void (*gated_silu_backward)(const float* gate,
                              const float* up,
                              const float* gradient,
                              int64_t n,
                              float* gate_gradient,
                              float* up_gradient);
  // to = p * (to - shift) * scale, the gradient of scores whose softmax is p.
  void (*score_gradient)(const float* p, int64_t n, float shift, float scale, float* to);
  // The halves (a, b) of 2 * half values become (a cos - b sin, b cos + a sin).
  void (*rotate)(float* x, const float* cos, const float* sin, int64_t half);
  float (*max)(const float* x, int64_t n);
  // x = exp((x - shift) * scale); returns the sum, over lanes by position modulo 16. n must be a
  // multiple of 16.
  float (*exp_in_place)(float* x, int64_t n, float shift, float scale);
  // With y = (x - shift) * scale: returns sum exp(y) and sets `weighted` to sum exp(y) y, over
  // lanes.
  float (*exp_moments)(const float* x, int64_t n, float shift, float scale, float* weighted);
  // sum exp((x - shift) * scale), over lanes.
  float (*sum_exp)(const float* x, int64_t n, float shift, float scale);
};

// The table of an instruction set, by default the best one. Requesting a set that this processor
// lacks is a bug.
const KernelTable& Kernels();
const KernelTable& KernelsOf(InstructionSet set);

}  // namespace convrec::kernels
