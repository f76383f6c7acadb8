// Python's `format % arguments`.
#pragma once

#include "absl/status/statusor.h"
#include "libs/jinja/value.h"

namespace convrec::jinja {

// `format` is a text; a tuple holds several arguments, a mapping named ones. Arguments inserted
// into safe text are escaped. EvaluationError when format and arguments do not match.
absl::StatusOr<Value> FormatPercent(Meter* meter, const Value& format, const Value& arguments);

}  // namespace convrec::jinja
