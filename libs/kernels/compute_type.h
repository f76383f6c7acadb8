// The number type in which layers multiply.
#pragma once

#include <array>

#include "libs/kernels/instruction_set.h"

namespace convrec::kernels {

enum class ComputeType { kAuto, kFloat32, kBfloat16 };  // Auto: what the device does natively.
constexpr std::array<const char*, 3> NamesOf(ComputeType) {
  return {"auto", "float32", "bfloat16"};
}

// Whether products are in bfloat16 on a device that does (`is_native`) or does not multiply it
// natively.
constexpr bool IsBfloat16(ComputeType type, bool is_native) {
  return type == ComputeType::kBfloat16 || (type == ComputeType::kAuto && is_native);
}

// Every GPU does; some processors do.
inline bool HasNativeBfloat16(bool is_cpu) { return !is_cpu || HasNativeBfloat16(); }

}  // namespace convrec::kernels
