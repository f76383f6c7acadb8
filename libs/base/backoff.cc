#include "libs/base/backoff.h"

#include <algorithm>

#include "libs/base/random.h"

namespace convrec::base {

Backoff::Backoff(absl::Duration first, absl::Duration longest)
    : first_(first), longest_(longest), next_(first), seed_(UnseededRandom()) {}

absl::Duration Backoff::Next() {
  RandomStream jitter(seed_, 0, num_draws_++);
  const absl::Duration wait = next_ * (0.5 + 0.5 * jitter.Uniform());
  next_ = std::min(2 * next_, longest_);
  return wait;
}

}  // namespace convrec::base
