// Strings and numbers as they are written in a template.
#pragma once

#include <cstddef>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/jinja/value.h"

namespace convrec::jinja {

struct Literal {
  Value value;
  size_t size = 0;  // Bytes of its source.
};

// The literal at the beginning of `source`. InvalidArgument, without a place, for what is none.
// `source` begins with a quote.
absl::StatusOr<Literal> ReadString(std::string_view source);
// `source` begins with a digit; behind a dot, as in "x.0", it cannot be a float.
absl::StatusOr<Literal> ReadNumber(std::string_view source, bool is_behind_dot);

}  // namespace convrec::jinja
