// bfloat16, the 16-bit float that is the upper half of a float32.
#pragma once

#include <bit>
#include <cstdint>

namespace convrec::base {

inline float FromBfloat16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

}  // namespace convrec::base
