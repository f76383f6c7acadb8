// The names of enumerators in files, options and messages.
//
// An enumeration lists its names next to its definition, in the order of the enumerators:
//   enum class Cut { kAfterFilter, kBeforeFilter };
//   constexpr std::array<const char*, 2> NamesOf(Cut) { return {"after_filter", "before_filter"}; }
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/check.h"

namespace convrec::base {

template <typename Enum>
std::string NameOf(Enum value) {
  const auto names = NamesOf(value);
  const auto index = static_cast<size_t>(value);
  CR_CHECK(index < names.size());
  return names[index];
}

template <typename Enum>
std::optional<Enum> ParseName(std::string_view name) {
  const auto names = NamesOf(Enum{});
  for (size_t i = 0; i < names.size(); ++i) {
    if (name == names[i]) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

template <typename Enum>
std::vector<std::string> AllNames() {
  const auto names = NamesOf(Enum{});
  return {names.begin(), names.end()};
}

}  // namespace convrec::base
