// Counter-based random numbers: a draw is a pure function of its key and counter (Philox 4x32-10,
// Salmon et al., SC 2011), so it does not depend on order or batching.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace convrec::base {

// Four independent 32-bit words for (key, counter).
std::array<uint32_t, 4> Philox(uint64_t key, uint64_t counter_low, uint64_t counter_high);

// Uniform in [0, 1), 53 bits: draw number `step` of the stream (seed, group, sibling).
double UniformAt(uint64_t seed, uint64_t group, uint32_t sibling, uint32_t step);

// A sequence of draws over a Philox stream; copyable, its state is `draws()`. Not thread-safe.
class RandomStream final {
 public:
  RandomStream(uint64_t seed, uint64_t stream, uint64_t draws = 0)
      : seed_(seed), stream_(stream), draws_(draws) {}
  uint64_t NextWord();
  double Uniform();                // [0, 1)
  uint64_t Below(uint64_t bound);  // [0, bound), bound > 0, unbiased.
  double Normal();                 // Mean 0, standard deviation 1 (Box-Muller).
  double Gumbel();                 // -log(-log(u)).
  uint64_t draws() const { return draws_; }

 private:
  uint64_t seed_;
  uint64_t stream_;
  uint64_t draws_;
};

// 64 bits from the system's source of randomness, different every time: for names that must not
// repeat.
uint64_t UnseededRandom();

// A permutation of 0..size-1 (Fisher-Yates), the same for the same (seed, stream).
std::vector<size_t> RandomPermutation(size_t size, uint64_t seed, uint64_t stream);

}  // namespace convrec::base
