// Parses a template.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "libs/jinja/syntax.h"

namespace convrec::jinja {

// InvalidArgument with the position, as from ErrorAt(), for text that is not a template and for
// unknown tags, filters, tests, functions and methods.
absl::StatusOr<Body> ParseTemplate(std::string_view source);

}  // namespace convrec::jinja
