// Converts values to text: what a template prints, and Python's repr().
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "libs/jinja/value.h"

namespace convrec::jinja {

// str(value). EvaluationError for values without a fixed text, such as functions.
absl::StatusOr<std::string> ToText(Meter* meter, const Value& value);
absl::StatusOr<std::string> Repr(Meter* meter, const Value& value);

// The value itself when it is a text, marked as safe or not, otherwise its text.
absl::StatusOr<Value> ToTextValue(Meter* meter, const Value& value);

// The repr() of a mapping's entries, in braces.
absl::StatusOr<std::string> ReprOfEntries(Meter* meter, const std::vector<Mapping::Entry>& entries);

}  // namespace convrec::jinja
