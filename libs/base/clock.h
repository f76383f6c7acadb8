// Time as a dependency, so that code with deadlines is tested without sleeping.
#pragma once

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

}  // namespace convrec::base
