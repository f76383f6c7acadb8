// Iteration over the items of values.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/jinja/object.h"
#include "libs/jinja/runtime.h"

namespace convrec::jinja {

// The items of a value, one after another.
class ItemSource {
 public:
  virtual ~ItemSource() = default;
  // False at the end.
  virtual absl::StatusOr<bool> Next(Value* item) = 0;
  // Total number of items; nullopt = unknown until all have been visited.
  virtual std::optional<int64_t> size() const { return std::nullopt; }
};

bool IsIterable(const Value& value);

// The items of a sequence, the characters of a text, the keys of a mapping; an undefined value has
// none. EvaluationError for a value that cannot be iterated.
absl::StatusOr<std::unique_ptr<ItemSource>> Iterate(Meter* meter, const Value& value);

// All remaining items, counted by the meter.
absl::StatusOr<std::vector<Value>> CollectItems(Runtime* runtime, const Value& value);

// len(). EvaluationError for a value without a length.
absl::StatusOr<int64_t> LengthOf(const Value& value);

// A generator that yields these items once.
absl::StatusOr<Value> MakeIterator(Runtime* runtime, std::vector<Value> items);

}  // namespace convrec::jinja
