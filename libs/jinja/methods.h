// The methods that Python's types have.
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
// Methods that change a list or a mapping: the sandbox of transformers forbids them.
bool IsForbiddenMethod(const Value& self, std::string_view name);

// Whether some type has a method of this name, be it forbidden.
bool IsMethodName(std::string_view name);

// Of text_methods.cc.
const Method* FindTextMethod(std::string_view name);

}  // namespace convrec::jinja
