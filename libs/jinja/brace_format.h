// Python's str.format().
#pragma once

#include "absl/status/statusor.h"
#include "libs/jinja/object.h"
#include "libs/jinja/runtime.h"

namespace convrec::jinja {

// Arguments inserted into safe text are escaped. EvaluationError when format and arguments do not
// match.
absl::StatusOr<Value> FormatBraces(Runtime* runtime,
                                   const Value& format,
                                   const Arguments& arguments);

}  // namespace convrec::jinja
