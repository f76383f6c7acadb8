// A matrix and a low-rank change of it as one matrix.
#pragma once

#include <cstdint>

namespace convrec::kernels {

// out += (scale * B) A in float32, with scale * B rounded first. The only way in which the system
// merges adapters, so that whoever merges the same bytes on machines with the same instructions has
// the same bits.
// Shapes: N rows, K columns, R rank.
void MergeLowRank(const float* b_NR,
                  const float* a_RK,
                  int64_t n,
                  int64_t k,
                  int64_t r,
                  float scale,
                  float* out_NK);

}  // namespace convrec::kernels
