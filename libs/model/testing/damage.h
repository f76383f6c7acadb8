// Damaged copies of a file's bytes, for testing that readers give an error and never crash.
#pragma once

#include <algorithm>
#include <fstream>
#include <string>

#include "libs/base/random.h"

namespace convrec::model {

// Without the sync to disk of a real write, because these files are short-lived and there are
// thousands.
inline void WriteScratch(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Calls `read(bytes)` with every prefix up to `exhaustive_prefix` bytes and a sample of longer
// ones.
template <typename Read>
void ForTruncations(const std::string& bytes, size_t exhaustive_prefix, const Read& read) {
  for (size_t size = 0; size < std::min(exhaustive_prefix, bytes.size()); ++size)
    read(bytes.substr(0, size));
  const size_t stride = bytes.size() / 64 + 1;
  for (size_t size = exhaustive_prefix; size < bytes.size(); size += stride)
    read(bytes.substr(0, size));
}

// Calls `read(bytes)` `count` times with one to eight bits flipped among the first `region` bytes.
template <typename Read>
void ForBitFlips(const std::string& bytes, size_t region, int count, const Read& read) {
  base::RandomStream random(/*seed=*/11, /*stream=*/region);
  for (int i = 0; i < count; ++i) {
    std::string mutated = bytes;
    for (uint64_t flips = 1 + random.Below(8); flips > 0; --flips) {
      char& byte = mutated[random.Below(std::min(region, bytes.size()))];
      byte = static_cast<char>(byte ^ (1 << random.Below(8)));
    }
    read(mutated);
  }
}

}  // namespace convrec::model
