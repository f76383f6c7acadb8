// Reads string and number literals of a template.
#pragma once

#include <cstddef>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/jinja/value.h"

namespace convrec::jinja {

struct Literal {
  Value value;
  size_t size = 0;  // Length of its source in bytes.
};

// The literal at the beginning of `source`, which begins with a quote. InvalidArgument, without a
// position, when it is malformed.
absl::StatusOr<Literal> ReadString(std::string_view source);
// `source` begins with a digit. After a dot, as in "x.0", the number cannot be a float.
absl::StatusOr<Literal> ReadNumber(std::string_view source, bool is_behind_dot);

}  // namespace convrec::jinja
