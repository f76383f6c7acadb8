// What the leader is working at, for the thread that tells of it while the train thread works.
#pragma once

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/base/monotonic.h"
#include "libs/report/activity.h"

namespace convrec::learner {

// Thread-safe; no call waits.
class ActivityBoard final {
 public:
  // Turns to other work, which begins now.
  void Begin(const report::Activity& activity) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    activity_ = activity;
    begun_ = base::MonotonicNow();
  }
  // How far the work is.
  void Advance(int64_t done, int64_t of) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    activity_.done = done;
    activity_.of = of;
  }
  // With the seconds since it began.
  report::Activity Now() const ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    report::Activity activity = activity_;
    activity.seconds = absl::ToDoubleSeconds(base::MonotonicNow() - begun_);
    return activity;
  }

 private:
  mutable absl::Mutex mu_;
  report::Activity activity_ ABSL_GUARDED_BY(mu_);
  absl::Time begun_ ABSL_GUARDED_BY(mu_) = base::MonotonicNow();
};

}  // namespace convrec::learner
