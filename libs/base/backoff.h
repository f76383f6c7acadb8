// Growing waits between attempts, each 50 to 100 % of what it could be, so that many callers that
// failed together do not come back together.
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
  // An attempt has succeeded.
  void Reset() { next_ = first_; }

 private:
  const absl::Duration first_;
  const absl::Duration longest_;
  absl::Duration next_;
  uint64_t seed_;  // Of the jitter, on which nothing of a run's result depends.
  uint64_t num_draws_ = 0;
};

}  // namespace convrec::base
