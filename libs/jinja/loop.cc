#include "libs/jinja/loop.h"

#include <algorithm>
#include <utility>

#include "libs/base/status_macros.h"
#include "libs/jinja/comparison.h"

namespace convrec::jinja {

absl::StatusOr<bool> LoopItems::TakeOne(Value* item) {
  CR_RETURN_IF_ERROR(runtime_->meter()->Work());
  if (length_ && rest_at_ < rest_.size()) {
    *item = rest_[rest_at_++];
    return true;
  }
  return source_->Next(item);
}

absl::StatusOr<bool> LoopItems::Next(Value* item) {
  if (ahead_) {
    *item = *std::exchange(ahead_, std::nullopt);
  } else {
    CR_ASSIGN_OR_RETURN(const bool has_next, TakeOne(item));
    if (!has_next) return false;
  }
  ++index0_;
  previous_ = std::exchange(current_, *item);
  return true;
}

absl::StatusOr<std::optional<Value>> LoopItems::Peek() {
  if (!ahead_) {
    Value item;
    CR_ASSIGN_OR_RETURN(const bool has_next, TakeOne(&item));
    if (has_next) ahead_ = std::move(item);
  }
  return ahead_;
}

absl::StatusOr<int64_t> LoopItems::Length() {
  if (length_) return *length_;
  if (const auto size = source_->size()) {
    length_ = *size;
    return *length_;
  }
  Value item;
  while (true) {
    CR_ASSIGN_OR_RETURN(const bool has_next, source_->Next(&item));
    if (!has_next) break;
    CR_RETURN_IF_ERROR(runtime_->meter()->Work());
    CR_RETURN_IF_ERROR(runtime_->meter()->CheckMemory(rest_.size() * sizeof(Value)));
    rest_.push_back(item);
  }
  length_ = static_cast<int64_t>(rest_.size()) + index0_ + 1 + (ahead_ ? 1 : 0);
  return *length_;
}

// loop.cycle and loop.changed.
class Loop::Method final : public Object {
 public:
  Method(Loop* loop, bool is_cycle) : loop_(loop), is_cycle_(is_cycle) {}
  const char* type_name() const override { return "method"; }
  bool is_callable() const override { return true; }
  absl::StatusOr<Value> Call(Runtime* runtime, Arguments arguments) override {
    return is_cycle_ ? loop_->Cycle(arguments) : loop_->Changed(runtime, arguments);
  }

 private:
  Loop* const loop_;
  const bool is_cycle_;
};

absl::StatusOr<Value> Loop::Call(Runtime* /*runtime*/, Arguments arguments) {
  if (!recurse_) {
    return EvaluationError("The loop must have the 'recursive' marker to be called recursively.");
  }
  if (arguments.positional.size() != 1 || !arguments.named.empty()) {
    return EvaluationError("loop() takes the items to walk over");
  }
  return recurse_(arguments.positional[0], depth0_ + 1);
}

absl::StatusOr<Value> Loop::Attribute(Runtime* runtime, std::string_view name) {
  if (name == "cycle" || name == "changed") {
    CR_ASSIGN_OR_RETURN(Method* const method, runtime->New<Method>(this, name == "cycle"));
    return Value(method);
  }
  if (name == "first") return Value(items_->index0() == 0);
  if (name == "last" || name == "nextitem") {
    CR_ASSIGN_OR_RETURN(const std::optional<Value> next, items_->Peek());
    if (name == "last") return Value(!next);
    return next ? *next : Value::OfUndefined("there is no next item");
  }
  if (name == "previtem") {
    const Value* previous = items_->previous();
    return previous != nullptr ? *previous : Value::OfUndefined("there is no previous item");
  }
  return Number(name);
}

absl::StatusOr<Value> Loop::Number(std::string_view name) {
  const int64_t index0 = items_->index0();
  if (name == "index0") return Value(index0);
  if (name == "index") return Value(index0 + 1);
  if (name == "depth0") return Value(int64_t{depth0_});
  if (name == "depth") return Value(int64_t{depth0_} + 1);
  if (name != "length" && name != "revindex" && name != "revindex0") return Value();
  CR_ASSIGN_OR_RETURN(const int64_t length, items_->Length());
  if (name == "length") return Value(length);
  return Value(name == "revindex" ? length - index0 : length - index0 - 1);
}

absl::StatusOr<Value> Loop::Cycle(const Arguments& arguments) const {
  const auto& values = arguments.positional;
  if (values.empty()) return EvaluationError("no items for cycling given");
  return values[static_cast<size_t>(items_->index0()) % values.size()];
}

absl::StatusOr<Value> Loop::Changed(Runtime* runtime, const Arguments& arguments) {
  const auto& values = arguments.positional;
  const bool is_same = last_changed_ && std::equal(values.begin(),
                                                   values.end(),
                                                   last_changed_->begin(),
                                                   last_changed_->end(),
                                                   [&](const Value& a, const Value& b) {
                                                     return AreEqual(runtime->meter(), a, b);
                                                   });
  if (!is_same) last_changed_ = values;
  return Value(!is_same);
}

}  // namespace convrec::jinja
