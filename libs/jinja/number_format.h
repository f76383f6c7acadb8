// Python's format specifications, as in "{:>8.3f}", applied to texts and numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/jinja/value.h"

namespace convrec::jinja {

struct FormatSpec {
  std::string fill = " ";  // One character.
  char align = 0;          // '<', '>', '^' or '='; 0 = the default of the type.
  char sign = '-';         // '-', '+' or ' '.
  bool is_alternate = false;
  bool is_zero_padded = false;  // For numbers: after the sign.
  uint64_t width = 0;
  char grouping = 0;  // ',' or '_'.
  std::optional<int> precision;
  char type = 0;
};

// EvaluationError when `text` is not a specification.
absl::StatusOr<FormatSpec> ParseFormatSpec(std::string_view text);

// EvaluationError when the specification does not apply to the value's type.
absl::StatusOr<std::string> FormatValue(Meter* meter, const Value& value, const FormatSpec& spec);

// `text` padded to the width; `default_align` applies when the specification has no alignment.
absl::StatusOr<std::string> Pad(Meter* meter,
                                const std::string& text,
                                const FormatSpec& spec,
                                char default_align);

// The character with this code point.
absl::StatusOr<Value> CharacterOf(int64_t code);

// Digits without sign and padding. Integer types are d, b, o, x, X; float types are e, E, f, F, g,
// G, %, or 0.
std::string IntegerDigits(uint64_t magnitude, char type);
std::string FloatDigits(double magnitude, const FormatSpec& spec);

}  // namespace convrec::jinja
