// What stands behind a dot and in brackets.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/jinja/object.h"
#include "libs/jinja/runtime.h"

namespace convrec::jinja {

// object.name: a method or an attribute of its type, else the item of that name, else undefined.
// EvaluationError when the object is undefined.
absl::StatusOr<Value> GetAttribute(Runtime* runtime, const Value& object, const std::string& name);

// object[key]: the item, else the attribute of that name, else undefined. EvaluationError when the
// object is undefined.
absl::StatusOr<Value> GetItem(Runtime* runtime, const Value& object, const Value& key);

// object[begin:end:step]; a bound that is none is left out.
absl::StatusOr<Value> GetSlice(
    Runtime* runtime, const Value& object, const Value& begin, const Value& end, const Value& step);

// object.name(arguments), without making a value of the method. nullopt when its type has no such
// method.
absl::StatusOr<std::optional<Value>> TryCallMethod(Runtime* runtime,
                                                   const Value& object,
                                                   const std::string& name,
                                                   const Arguments& arguments);

// EvaluationError for what cannot be called.
absl::StatusOr<Value> CallValue(Runtime* runtime, const Value& callee, Arguments arguments);
bool IsCallable(const Value& value);

}  // namespace convrec::jinja
