// Growing waits between attempts, each jittered to 50 to 100 % of its full length, so that callers
// that failed together do not all come back together.
#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace convrec::base {

// Not thread-safe.
class Backoff final {
 public:
  Backoff(absl::Duration first, absl::Duration longest);

  // How long to wait before the next attempt; doubles from call to call up to the longest.
  absl::Duration Next();
  // Call when an attempt has succeeded.
  void Reset() { next_ = first_; }

 private:
  const absl::Duration first_;
  const absl::Duration longest_;
  absl::Duration next_;
  uint64_t seed_;  // Seeds the jitter; no result of a run depends on it.
  uint64_t num_draws_ = 0;
};

}  // namespace convrec::base
