// The methods of Python's types.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "libs/jinja/object.h"
#include "libs/jinja/runtime.h"

namespace convrec::jinja {

struct Method {
  const char* name;
  absl::StatusOr<Value> (*call)(Runtime* runtime, const Value& self, const Arguments& arguments);
};

// nullptr when the value's type has no such method, or none that may be called.
const Method* FindMethod(const Value& self, std::string_view name);
// Whether this method changes a list or a mapping, which the sandbox of transformers forbids.
bool IsForbiddenMethod(const Value& self, std::string_view name);

// Whether any type has a method of this name, even a forbidden one.
bool IsMethodName(std::string_view name);

// Defined in text_methods.cc.
const Method* FindTextMethod(std::string_view name);

}  // namespace convrec::jinja
