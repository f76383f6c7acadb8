// What one rendering may use. A template is a program written by somebody else, so its work,
// memory, recursion and output are bounded.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"

namespace convrec::jinja {

struct Limits {
  // Steps of evaluation; 256 bytes of copied text count as one. A few seconds of work.
  uint64_t max_work = 50'000'000;
  // Bytes of all values that exist at the same time.
  uint64_t max_live_bytes = uint64_t{256} << 20;
  uint64_t max_output_bytes = uint64_t{32} << 20;  // For the result, and for any single text.
  int max_depth = 600;                             // Nested evaluations, also through macros.
};

// Counts against the limits of one rendering. Not thread-safe.
class Meter final {
 public:
  explicit Meter(const Limits& limits) : limits_(limits) {}
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  const Limits& limits() const { return limits_; }

  // ResourceExhausted once the work limit is used up.
  absl::Status Work(uint64_t steps = 1) {
    work_ += steps;
    return work_ <= limits_.max_work ? absl::OkStatus() : WorkError();
  }
  absl::Status WorkOnBytes(uint64_t bytes) { return Work(1 + bytes / 256); }
  // For functions that cannot fail: they count work here and stop early once is_exhausted(); the
  // next Work() then fails.
  void Spend(uint64_t steps) { work_ += steps; }
  bool is_exhausted() const { return work_ > limits_.max_work; }

  // Call before creating a text of this size.
  absl::Status CheckText(uint64_t bytes) const;
  // Call before creating values of this size; Hold() and Release() then count them.
  absl::Status CheckMemory(uint64_t bytes) const;
  void Hold(uint64_t bytes) { live_bytes_ += bytes; }
  void Release(uint64_t bytes) { live_bytes_ -= bytes; }

 private:
  absl::Status WorkError() const;

  const Limits limits_;
  uint64_t work_ = 0;
  uint64_t live_bytes_ = 0;
};

}  // namespace convrec::jinja
