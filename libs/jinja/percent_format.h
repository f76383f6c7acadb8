// Python's `format % arguments`.
#pragma once

#include "absl/status/statusor.h"
#include "libs/jinja/value.h"

namespace convrec::jinja {

// `format` is a text; a tuple holds several arguments, a mapping named ones. What is put into safe
// text is escaped. EvaluationError when format and arguments do not fit.
absl::StatusOr<Value> FormatPercent(Meter* meter, const Value& format, const Value& arguments);

}  // namespace convrec::jinja
