// Converts JSON to values and back, as Python's `json` reads and writes it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/jinja/value.h"

namespace convrec::jinja {

// Objects keep the order of their keys. No meter counts the value. InvalidArgument for text that is
// not JSON, integers beyond 64 bits, and nesting deeper than kMaxValueDepth.
absl::StatusOr<Value> ParseJson(std::string_view text);

struct JsonStyle {
  bool is_ascii = false;              // Writes other characters as \uXXXX.
  std::optional<std::string> indent;  // Indentation of each level; nullopt = all on one line.
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sorts_keys = false;
};

// EvaluationError for values that JSON cannot represent, such as undefined ones.
absl::StatusOr<std::string> ToJson(Meter* meter, const Value& value, const JsonStyle& style);

}  // namespace convrec::jinja
