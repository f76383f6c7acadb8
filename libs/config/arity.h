// The number of members of a plain struct, counted by the compiler. Internal to this folder.
#pragma once

#include <cstddef>

namespace convrec::config {

struct AnyValue {
  template <typename T>
  operator T() const;
};

// The largest number of values in braces that initialises a T.
template <typename T, typename... Values>
consteval size_t NumMembers() {
  if constexpr (requires { T{Values()..., AnyValue()}; }) {
    return NumMembers<T, Values..., AnyValue>();
  } else {
    return sizeof...(Values);
  }
}

}  // namespace convrec::config
