// A clock that a test moves.
#pragma once

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/base/monotonic.h"

namespace convrec::base {

// Stands still until Advance(). A wait whose deadline is not after Now() returns at once; others
// poll in short real waits, since Advance() may come from another thread. Thread-safe.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(absl::Time start = absl::UnixEpoch()) : now_(start) {}

  absl::Time Now() const override {
    absl::MutexLock lock(&mu_);
    return now_;
  }
  bool AwaitWithDeadline(absl::Mutex* mu,
                         const absl::Condition& cond,
                         absl::Time deadline) const override {
    while (Now() < deadline) {
      if (AwaitFor(mu, cond, absl::Milliseconds(1))) return true;
    }
    return AwaitFor(mu, cond, absl::ZeroDuration());
  }
  void Advance(absl::Duration by) {
    absl::MutexLock lock(&mu_);
    now_ += by;
  }

 private:
  mutable absl::Mutex mu_;
  absl::Time now_ ABSL_GUARDED_BY(mu_);
};

}  // namespace convrec::base
