// Splits independent work over the OpenMP threads of the calling thread, the ones ATen uses too.
//
// Blocks until all is done. `body` must not throw. Serial in builds without OpenMP.
#pragma once

#include <cstdint>

namespace convrec::kernels {

// Calls body(i) for every i in 0..count-1. Threads take the next free index, so uneven work stays
// balanced.
template <typename Body>
void ParallelFor(int64_t count, const Body& body) {
#ifdef _OPENMP
#pragma omp parallel for schedule(dynamic, 1) if (count > 1)
#endif
  for (int64_t i = 0; i < count; ++i) body(i);
}

// The same in contiguous parts, one per thread.
template <typename Body>
void ParallelForStatic(int64_t count, const Body& body) {
#ifdef _OPENMP
#pragma omp parallel for schedule(static) if (count > 1)
#endif
  for (int64_t i = 0; i < count; ++i) body(i);
}

}  // namespace convrec::kernels
