#include "libs/base/random.h"

#include <cmath>
#include <numeric>
#include <random>

#include "libs/base/check.h"

namespace convrec::base {
namespace {

constexpr uint32_t kMultiplier0 = 0xD2511F53;
constexpr uint32_t kMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kWeyl0 = 0x9E3779B9;
constexpr uint32_t kWeyl1 = 0xBB67AE85;
constexpr double kTwoToMinus53 = 1.0 / 9007199254740992.0;

double ToUniform(uint64_t word) { return static_cast<double>(word >> 11) * kTwoToMinus53; }

}  // namespace

std::array<uint32_t, 4> Philox(uint64_t key, uint64_t counter_low, uint64_t counter_high) {
  std::array<uint32_t, 4> c = {static_cast<uint32_t>(counter_low),
                               static_cast<uint32_t>(counter_low >> 32),
                               static_cast<uint32_t>(counter_high),
                               static_cast<uint32_t>(counter_high >> 32)};
  uint32_t k0 = static_cast<uint32_t>(key);
  uint32_t k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = static_cast<uint64_t>(kMultiplier0) * c[0];
    const uint64_t p1 = static_cast<uint64_t>(kMultiplier1) * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k0,
         static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k1,
         static_cast<uint32_t>(p0)};
    k0 += kWeyl0;
    k1 += kWeyl1;
  }
  return c;
}

double UniformAt(uint64_t seed, uint64_t group, uint32_t sibling, uint32_t step) {
  const auto words = Philox(seed, group, (static_cast<uint64_t>(sibling) << 32) | step);
  return ToUniform((static_cast<uint64_t>(words[1]) << 32) | words[0]);
}

uint64_t RandomStream::NextWord() {
  const auto words = Philox(seed_, draws_++, stream_);
  return (static_cast<uint64_t>(words[1]) << 32) | words[0];
}

double RandomStream::Uniform() { return ToUniform(NextWord()); }

uint64_t RandomStream::Below(uint64_t bound) {
  CR_CHECK(bound > 0);
  const uint64_t limit =
      bound * (UINT64_MAX / bound);  // Words at or past it would favour small values.
  uint64_t word = NextWord();
  while (word >= limit) word = NextWord();
  return word % bound;
}

double RandomStream::Normal() {
  const double u = 1.0 - Uniform();  // In (0, 1], so that the logarithm is finite.
  const double v = Uniform();
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * M_PI * v);
}

double RandomStream::Gumbel() {
  double u = Uniform();
  while (u == 0.0) u = Uniform();
  return -std::log(-std::log(u));
}

uint64_t UnseededRandom() {
  std::random_device device;
  const uint64_t high = device();
  return high << 32 | device();
}

std::vector<size_t> RandomPermutation(size_t size, uint64_t seed, uint64_t stream) {
  std::vector<size_t> order(size);
  std::iota(order.begin(), order.end(), size_t{0});
  RandomStream random(seed, stream);
  for (size_t i = size; i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
  return order;
}

}  // namespace convrec::base
