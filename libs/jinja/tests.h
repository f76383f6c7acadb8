// The tests: `value is name(arguments)`.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "libs/jinja/object.h"
#include "libs/jinja/runtime.h"

namespace convrec::jinja {

struct Test {
  const char* name;
  absl::StatusOr<bool> (*apply)(Runtime* runtime, const Value& subject, const Arguments& arguments);
};

// nullptr when there is none of this name.
const Test* FindTest(std::string_view name);

}  // namespace convrec::jinja
