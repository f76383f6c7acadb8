// A position in a template, for error messages.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace convrec::jinja {

struct Position {
  int line = 1;    // From 1.
  int column = 1;  // From 1, in characters.

  std::string ToString() const;  // "line 3, column 14".
};

// InvalidArgument "line 3, column 14: message", for a template that cannot be used.
absl::Status ErrorAt(Position position, const std::string& message);

// Prefixes an evaluation error with the position, unless it already has one from further inside.
absl::Status Locate(Position position, const absl::Status& status);

}  // namespace convrec::jinja
