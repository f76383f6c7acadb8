// What happens to running groups when weights are swapped.
#pragma once

#include <array>

namespace convrec::engine {

enum class SwapMode {
  kContinue,  // They continue with the new weights and record both versions.
  kDrain,     // They end first.
};
constexpr std::array<const char*, 2> NamesOf(SwapMode) { return {"continue", "drain"}; }

}  // namespace convrec::engine
