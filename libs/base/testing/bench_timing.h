// Timing for benchmarks.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace convrec::base {

// Wall-clock seconds that `work` takes.
template <typename Work>
double SecondsOf(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// The median, the upper of the two middle values for an even count; `values` must not be empty.
inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace convrec::base
