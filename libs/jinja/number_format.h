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
  char align = 0;          // '<', '>', '^' or '='; 0 = as the type has it.
  char sign = '-';         // '-', '+' or ' '.
  bool is_alternate = false;
  bool is_zero_padded = false;  // Numbers: behind their sign.
  uint64_t width = 0;
  char grouping = 0;  // ',' or '_'.
  std::optional<int> precision;
  char type = 0;
};

// EvaluationError when `text` is no specification.
absl::StatusOr<FormatSpec> ParseFormatSpec(std::string_view text);

// EvaluationError when the value's type does not go with the specification.
absl::StatusOr<std::string> FormatValue(Meter* meter, const Value& value, const FormatSpec& spec);

// `text` filled up to the width; `default_align` where the specification has none.
absl::StatusOr<std::string> Pad(Meter* meter,
                                const std::string& text,
                                const FormatSpec& spec,
                                char default_align);

// The character with this number.
absl::StatusOr<Value> CharacterOf(int64_t code);

// Without sign and padding: of types d, b, o, x, X, and e, E, f, F, g, G, %, or 0.
std::string IntegerDigits(uint64_t magnitude, char type);
std::string FloatDigits(double magnitude, const FormatSpec& spec);

}  // namespace convrec::jinja
