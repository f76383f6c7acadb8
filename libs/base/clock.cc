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

}  // namespace convrec::base
