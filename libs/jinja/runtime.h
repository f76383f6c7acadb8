// The state of one rendering: its limits, its objects, its clock.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "libs/jinja/object.h"
#include "libs/jinja/value.h"

namespace convrec::jinja {

// Not thread-safe.
class Runtime final {
 public:
  // `now` is the time that strftime_now() formats.
  Runtime(const Limits& limits, absl::CivilSecond now) : meter_(limits), now_(now) {}
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  Meter* meter() { return &meter_; }
  absl::CivilSecond now() const { return now_; }

  // An object that lives until the end of the rendering. ResourceExhausted for too many.
  template <typename T, typename... Args>
  absl::StatusOr<T*> New(Args&&... args) {
    const uint64_t bytes = sizeof(T) + sizeof(Held);
    if (absl::Status status = meter_.CheckMemory(bytes); !status.ok()) return status;
    auto object = std::make_unique<T>(std::forward<Args>(args)...);
    T* const result = object.get();
    objects_.push_back(std::make_unique<Held>(&meter_, bytes, std::move(object)));
    return result;
  }

  absl::StatusOr<Value> Text(std::string bytes, bool is_markup = false) {
    return MakeText(&meter_, std::move(bytes), is_markup);
  }
  absl::StatusOr<Value> List(std::vector<Value> items) {
    return MakeSequence(&meter_, std::move(items));
  }
  absl::StatusOr<Value> Tuple(std::vector<Value> items) {
    return MakeSequence(&meter_, std::move(items), SequenceKind::kTuple);
  }

  // Evaluation is one level deeper while this exists; check status() first.
  class Depth final {
   public:
    explicit Depth(Runtime* runtime) : runtime_(runtime) { ++runtime_->depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    ~Depth() { --runtime_->depth_; }
    // ResourceExhausted when evaluations are nested too deeply or the work limit is used up.
    absl::Status status() const { return runtime_->CheckStep(); }

   private:
    Runtime* const runtime_;
  };

 private:
  struct Held {
    Held(Meter* meter, uint64_t bytes, std::unique_ptr<Object> owned) : object(std::move(owned)) {
      held.Hold(meter, bytes);
    }
    std::unique_ptr<Object> object;
    HeldBytes held;
  };

  absl::Status CheckStep();

  Meter meter_;
  const absl::CivilSecond now_;
  int depth_ = 0;
  std::vector<std::unique_ptr<Held>> objects_;
};

}  // namespace convrec::jinja
