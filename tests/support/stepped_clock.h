// Lets a test set the machine's clock as seen by processes started from now on.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "libs/base/files.h"

namespace convrec::testing {

// One at a time. Children inherit it through the environment; see clock_step.cc.
class SteppedClock final {
 public:
  SteppedClock();
  ~SteppedClock();
  SteppedClock(const SteppedClock&) = delete;
  SteppedClock& operator=(const SteppedClock&) = delete;

  // Sets the clock forward or back for all processes that see it.
  void Step(absl::Duration by);

 private:
  const base::TemporaryDirectory dir_;
  int64_t* offset_ns_ = nullptr;
};

}  // namespace convrec::testing
