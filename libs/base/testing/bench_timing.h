// What benchmarks time with.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace convrec::base {

// Seconds of the clock that `work` takes.
template <typename Work>
double SecondsOf(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// The upper one of two in the middle; `values` is not empty.
inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace convrec::base
