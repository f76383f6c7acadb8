// A running `for`, and the variable `loop` that exposes it to the template.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/jinja/iteration.h"
#include "libs/jinja/object.h"
#include "libs/jinja/runtime.h"

namespace convrec::jinja {

// The items of a loop, with lookahead. Not thread-safe.
class LoopItems final {
 public:
  LoopItems(Runtime* runtime, std::unique_ptr<ItemSource> source)
      : runtime_(runtime), source_(std::move(source)) {}

  // False at the end.
  absl::StatusOr<bool> Next(Value* item);
  // nullopt at the end. Takes the item from the source early, which a generator can notice.
  absl::StatusOr<std::optional<Value>> Peek();
  // Number of all items; reads a source of unknown size to its end.
  absl::StatusOr<int64_t> Length();

  int64_t index0() const { return index0_; }  // -1 before the first one.
  // nullptr before the second one.
  const Value* previous() const { return index0_ > 0 ? &previous_ : nullptr; }

 private:
  absl::StatusOr<bool> TakeOne(Value* item);

  Runtime* const runtime_;
  std::unique_ptr<ItemSource> source_;
  std::vector<Value> rest_;  // Items that Length() took, from rest_at_ on.
  size_t rest_at_ = 0;
  std::optional<Value> ahead_;
  std::optional<int64_t> length_;
  int64_t index0_ = -1;
  Value previous_;
  Value current_;
};

class Loop final : public Object {
 public:
  // Runs the loop's body over other items and returns its output.
  using Recurse = std::function<absl::StatusOr<Value>(const Value& items, int depth0)>;

  // `recurse` is empty unless the loop is recursive.
  Loop(std::shared_ptr<LoopItems> items, int depth0, Recurse recurse)
      : items_(std::move(items)), depth0_(depth0), recurse_(std::move(recurse)) {}

  const char* type_name() const override { return "LoopContext"; }
  bool is_callable() const override { return true; }
  absl::StatusOr<Value> Call(Runtime* runtime, Arguments arguments) override;
  absl::StatusOr<Value> Attribute(Runtime* runtime, std::string_view name) override;

 private:
  class Method;

  absl::StatusOr<Value> Number(std::string_view name);
  absl::StatusOr<Value> Cycle(const Arguments& arguments) const;
  absl::StatusOr<Value> Changed(Runtime* runtime, const Arguments& arguments);

  const std::shared_ptr<LoopItems> items_;
  const int depth0_;
  const Recurse recurse_;
  std::optional<std::vector<Value>> last_changed_;
};

}  // namespace convrec::jinja
