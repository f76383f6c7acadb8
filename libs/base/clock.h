// Time as a dependency, so that code with deadlines is tested without sleeping.
#pragma once

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace convrec::base {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
  // Waits on `cond` until it holds or `deadline` on this clock has passed; true if it holds.
  // `mu` is held by the caller, released while waiting and held again on return.
  virtual bool AwaitWithDeadline(absl::Mutex* mu,
                                 const absl::Condition& cond,
                                 absl::Time deadline) const = 0;

  // The time of monotonic.h; never destroyed.
  static const Clock* Real();
};

// Stands still until Advance(). A wait whose deadline is not after Now() returns at once; Advance()
// wakes waiting threads through `mu` only when they wait on it with a condition that changes, so
// tests of waits use deadlines that have passed.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(absl::Time start = absl::UnixEpoch()) : now_(start) {}
  absl::Time Now() const override;
  bool AwaitWithDeadline(absl::Mutex* mu,
                         const absl::Condition& cond,
                         absl::Time deadline) const override;
  void Advance(absl::Duration by);

 private:
  mutable absl::Mutex mu_;
  absl::Time now_ ABSL_GUARDED_BY(mu_);
};

}  // namespace convrec::base
