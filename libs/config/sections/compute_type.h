// What layers multiply with.
#pragma once

#include <array>

namespace convrec::config {

enum class ComputeType { kAuto, kFloat32, kBfloat16 };
constexpr std::array<const char*, 3> NamesOf(ComputeType) {
  return {"auto", "float32", "bfloat16"};
}

}  // namespace convrec::config
