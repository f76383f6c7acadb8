// Merges a low-rank change into a matrix.
#pragma once

#include <cstdint>

namespace convrec::kernels {

// out += (scale * B) A in float32, with scale * B rounded first. All merging of adapters goes
// through this function, so that the same bytes give the same bits on all machines with the same
// instructions.
// Shapes: N rows, K columns, R rank.
void MergeLowRank(const float* b_NR,
                  const float* a_RK,
                  int64_t n,
                  int64_t k,
                  int64_t r,
                  float scale,
                  float* out_NK);

}  // namespace convrec::kernels
