// Walking over the items of values.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/jinja/object.h"
#include "libs/jinja/runtime.h"

namespace convrec::jinja {

// The items of a value, one after the other.
class ItemSource {
 public:
  virtual ~ItemSource() = default;
  // False at the end.
  virtual absl::StatusOr<bool> Next(Value* item) = 0;
  // How many there are in all; nullopt = not known before they have been walked over.
  virtual std::optional<int64_t> size() const { return std::nullopt; }
};

bool IsIterable(const Value& value);

// Items of a sequence, characters, keys of a mapping, nothing of an undefined value.
// EvaluationError for what has no items.
absl::StatusOr<std::unique_ptr<ItemSource>> Iterate(Meter* meter, const Value& value);

// All that are left, counted by the meter.
absl::StatusOr<std::vector<Value>> CollectItems(Runtime* runtime, const Value& value);

// len(). EvaluationError for what has none.
absl::StatusOr<int64_t> LengthOf(const Value& value);

// A generator that gives these items once.
absl::StatusOr<Value> MakeIterator(Runtime* runtime, std::vector<Value> items);

}  // namespace convrec::jinja
