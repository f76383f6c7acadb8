// What a template can hold besides plain values: namespaces, macros, functions, loops, iterators.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/jinja/value.h"

namespace convrec::jinja {

class Runtime;

// The arguments of one call.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  bool empty() const { return positional.empty() && named.empty(); }
  // nullptr when the argument was not given.
  const Value* Named(std::string_view name) const;
};

// Owned by the Runtime of one rendering. Not thread-safe.
class Object {
 public:
  Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;

  virtual const char* type_name() const = 0;
  virtual bool is_callable() const { return false; }
  virtual absl::StatusOr<Value> Call(Runtime* runtime, Arguments arguments);
  // Its printed form. EvaluationError for objects that Python prints with a memory address.
  virtual absl::StatusOr<std::string> Repr(Meter* meter) const;
  // Undefined when there is no such attribute.
  virtual absl::StatusOr<Value> Attribute(Runtime* runtime, std::string_view name);
};

// What a template can iterate over once, like Python's iterators.
class Iterator : public Object {
 public:
  const char* type_name() const override { return "generator"; }
  // False at the end.
  virtual absl::StatusOr<bool> Next(Value* item) = 0;
};

}  // namespace convrec::jinja
