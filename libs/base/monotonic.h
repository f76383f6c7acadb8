// Time that only goes forward, and waits that follow it.
//
// The machine's clock may be set back or forward at any moment (by NTP, by a person). Waits of
// Abseil and the kernel until a time on that clock are then longer or shorter by as much. All
// waits, deadlines and measured durations of this project use the functions below instead;
// absl::Now() is for time stamps that people read. tools/check_clocks enforces this for every file.
#pragma once

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace convrec::base {

// Starts at the machine's time when the process first calls it. Thread-safe.
absl::Time MonotonicNow();

// Waits until `cond` holds or MonotonicNow() has reached `deadline`; true if it holds. `mu` is held
// by the caller, released while waiting and held again on return. Like Mutex::AwaitWithDeadline().
bool AwaitUntil(absl::Mutex* mu, const absl::Condition& cond, absl::Time deadline)
    ABSL_SHARED_LOCKS_REQUIRED(mu);

// The same for `time` from now.
bool AwaitFor(absl::Mutex* mu, const absl::Condition& cond, absl::Duration time)
    ABSL_SHARED_LOCKS_REQUIRED(mu);

}  // namespace convrec::base
