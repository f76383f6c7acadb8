// Runs independent pieces of work on a few threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace convrec::weights {

// Encoding, decoding and digests run alongside sampling or training, so they take only two threads.
inline constexpr int kWorkThreads = 2;

// Calls work(i) for every i below `count`, in any order, on up to `threads` threads, including the
// caller's.
template <typename Work>
void ForEach(size_t count, int threads, const Work& work) {
  std::atomic<size_t> next{0};
  const auto run = [&] {
    for (size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::thread> helpers;
  const size_t useful = std::min(count, static_cast<size_t>(std::max(threads, 1)));
  for (size_t i = 1; i < useful; ++i) helpers.emplace_back(run);
  run();
  for (std::thread& helper : helpers) helper.join();
}

}  // namespace convrec::weights
