// Attribute access (after a dot) and item access (in brackets).
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/jinja/object.h"
#include "libs/jinja/runtime.h"

namespace convrec::jinja {

// object.name: a method or attribute of its type, otherwise the item of that name, otherwise
// undefined. EvaluationError when the object is undefined.
absl::StatusOr<Value> GetAttribute(Runtime* runtime, const Value& object, const std::string& name);

// object[key]: the item, otherwise the attribute of that name, otherwise undefined. EvaluationError
// when the object is undefined.
absl::StatusOr<Value> GetItem(Runtime* runtime, const Value& object, const Value& key);

// object[begin:end:step]; a bound that is none counts as omitted.
absl::StatusOr<Value> GetSlice(
    Runtime* runtime, const Value& object, const Value& begin, const Value& end, const Value& step);

// object.name(arguments), without creating a value for the method. nullopt when its type has no
// such method.
absl::StatusOr<std::optional<Value>> TryCallMethod(Runtime* runtime,
                                                   const Value& object,
                                                   const std::string& name,
                                                   const Arguments& arguments);

// EvaluationError for a value that cannot be called.
absl::StatusOr<Value> CallValue(Runtime* runtime, const Value& callee, Arguments arguments);
bool IsCallable(const Value& value);

}  // namespace convrec::jinja
