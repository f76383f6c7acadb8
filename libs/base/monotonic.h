// Time that only goes forward, and waits that follow it.
//
// The machine's clock may be set back or forward at any moment (by NTP, by a person), and waits of
// Abseil and of the kernel for a point of it are then longer or shorter by as much. All waits,
// deadlines and measured durations of this project go by the functions below instead; absl::Now()
// is for time stamps that people read, which tools/check_clocks holds every file to.
#pragma once

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace convrec::base {

// Began with the machine's clock as it was when the process first asked. Thread-safe.
absl::Time MonotonicNow();

// Waits until `cond` holds or MonotonicNow() has reached `deadline`; true if it holds. `mu` is held
// by the caller, released while waiting and held again on return. Like Mutex::AwaitWithDeadline().
bool AwaitUntil(absl::Mutex* mu, const absl::Condition& cond, absl::Time deadline)
    ABSL_SHARED_LOCKS_REQUIRED(mu);

// The same for a while from now.
bool AwaitFor(absl::Mutex* mu, const absl::Condition& cond, absl::Duration time)
    ABSL_SHARED_LOCKS_REQUIRED(mu);

}  // namespace convrec::base
