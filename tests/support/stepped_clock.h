// The machine's clock, as processes started from here on see it, in the hands of a test.
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

  // Sets the clock forward, or back, under all processes that see it.
  void Step(absl::Duration by);

 private:
  const base::TemporaryDirectory dir_;
  int64_t* offset_ns_ = nullptr;
};

}  // namespace convrec::testing
