#include "libs/jinja/object.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace convrec::jinja {

const Value* Arguments::Named(std::string_view name) const {
  const auto found = std::find_if(
      named.begin(), named.end(), [&](const auto& argument) { return argument.first == name; });
  return found == named.end() ? nullptr : &found->second;
}

absl::StatusOr<Value> Object::Call(Runtime* /*runtime*/, Arguments /*arguments*/) {
  return EvaluationError(absl::StrCat("'", type_name(), "' object is not callable"));
}

absl::StatusOr<std::string> Object::Repr(Meter* /*meter*/) const {
  return EvaluationError(absl::StrCat("a value of type '", type_name(), "' cannot be printed"));
}

absl::StatusOr<Value> Object::Attribute(Runtime* /*runtime*/, std::string_view /*name*/) {
  return Value();
}

}  // namespace convrec::jinja
