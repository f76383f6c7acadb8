#include "libs/base/clock.h"

#include "libs/base/monotonic.h"

namespace convrec::base {
namespace {

class RealClock final : public Clock {
 public:
  absl::Time Now() const override { return MonotonicNow(); }
  bool AwaitWithDeadline(absl::Mutex* mu,
                         const absl::Condition& cond,
                         absl::Time deadline) const override {
    return AwaitUntil(mu, cond, deadline);
  }
};

}  // namespace

const Clock* Clock::Real() {
  static const RealClock* clock = new RealClock();
  return clock;
}

absl::Time FakeClock::Now() const {
  absl::MutexLock lock(&mu_);
  return now_;
}

bool FakeClock::AwaitWithDeadline(absl::Mutex* mu,
                                  const absl::Condition& cond,
                                  absl::Time deadline) const {
  // Fake time passes only in Advance(), which may come from another thread: poll in short real
  // waits.
  while (Now() < deadline) {
    if (AwaitFor(mu, cond, absl::Milliseconds(1))) return true;
  }
  return AwaitFor(mu, cond, absl::ZeroDuration());
}

void FakeClock::Advance(absl::Duration by) {
  absl::MutexLock lock(&mu_);
  now_ += by;
}

}  // namespace convrec::base
