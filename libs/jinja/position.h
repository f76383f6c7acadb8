// A place in a template, for messages.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace convrec::jinja {

struct Position {
  int line = 1;    // From 1.
  int column = 1;  // From 1, in characters.

  std::string ToString() const;  // "line 3, column 14".
};

// A template that cannot be used: "line 3, column 14: message". InvalidArgument.
absl::Status ErrorAt(Position position, const std::string& message);

// Puts the place in front of an error of evaluation, unless a place inside of it already stands
// there.
absl::Status Locate(Position position, const absl::Status& status);

}  // namespace convrec::jinja
