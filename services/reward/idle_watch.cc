#include "services/reward/idle_watch.h"

#include <utility>

#include "libs/base/check.h"
#include "libs/base/monotonic.h"

namespace convrec::reward {

IdleWatch::Entry::Entry(std::function<void()> end)
    : end_(std::move(end)), touched_ns_(absl::ToUnixNanos(base::MonotonicNow())) {}

void IdleWatch::Entry::Touch() {
  // Relaxed: only a time to compare with, nothing is published by it.
  touched_ns_.store(absl::ToUnixNanos(base::MonotonicNow()), std::memory_order_relaxed);
}

IdleWatch::IdleWatch(absl::Duration timeout) : timeout_(timeout), thread_([this] { Watch(); }) {
  CR_CHECK(timeout > absl::ZeroDuration());
}

IdleWatch::~IdleWatch() {
  {
    absl::MutexLock lock(&mu_);
    CR_CHECK(entries_.empty(), "a stream outlives its watch");
    is_closed_ = true;
  }
  thread_.join();
}

void IdleWatch::Enter(Entry* entry) {
  absl::MutexLock lock(&mu_);
  entries_.insert(entry);
}

void IdleWatch::Leave(Entry* entry) {
  absl::MutexLock lock(&mu_);
  entries_.erase(entry);
}

void IdleWatch::Watch() {
  absl::MutexLock lock(&mu_);
  while (!base::AwaitFor(&mu_, absl::Condition(&is_closed_), timeout_ / 4)) {
    const int64_t limit = absl::ToUnixNanos(base::MonotonicNow() - timeout_);
    for (Entry* const entry : entries_) {
      // Under the lock, so that the entry cannot leave meanwhile.
      if (entry->touched_ns_.load(std::memory_order_relaxed) < limit) entry->end_();
    }
  }
}

}  // namespace convrec::reward
