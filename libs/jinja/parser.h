// Parses a template.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "libs/jinja/syntax.h"

namespace convrec::jinja {

// InvalidArgument with the place, as ErrorAt(), for what is no template and for tags, filters,
// tests, functions and methods that are not known.
absl::StatusOr<Body> ParseTemplate(std::string_view source);

}  // namespace convrec::jinja
