// Sends weights from the learner to workers on the same machine through POSIX shared memory.
//
// The learner creates a small permanent probe segment, and two payload segments per kind, which it
// uses in turn. A worker is on the same machine if it can open the probe and finds the manifest's
// token in it. A payload carries a generation; a reader checks it before and after copying and
// discards the copy if it changed, so readers never block the writer. Segments never shrink, so
// mappings stay valid.
//
// All segments of one writer share a token in their names, and the writer holds a lock on the
// probe. What a killed writer leaves behind is removed by the next writer of this user, whatever
// its run, and by RemoveDeadSegments().
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/domain/ids.h"

namespace convrec::weights {

struct SegmentProbe {
  std::string name;   // Empty = no shared memory is offered.
  std::string token;  // 32 hexadecimal digits.
};

// A payload as it was when the reference was made.
struct SegmentRef {
  std::string name;
  std::string token;
  uint64_t generation = 0;
  uint64_t size_bytes = 0;
};

// Thread-safe.
class SegmentWriter final {
 public:
  // `run` must be the same for all starts of a run and differ between runs on the machine, like the
  // path of the run's folder. Removes what dead writers left behind.
  static absl::StatusOr<std::unique_ptr<SegmentWriter>> Create(const std::string& run,
                                                               domain::RunEpoch epoch);
  ~SegmentWriter();  // Removes the segments; readers keep what they have mapped.
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;

  const SegmentProbe& probe() const { return probe_; }

  // Copies `payload` over the older of the two segments of `kind`. ResourceExhausted when shared
  // memory is full; then nothing is offered.
  absl::StatusOr<SegmentRef> Write(const std::string& kind, std::string_view payload)
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  class Segment;
  struct Pair {
    std::unique_ptr<Segment> older;
    std::unique_ptr<Segment> newer;
  };
  SegmentWriter(std::string prefix, std::string token);

  const std::string prefix_;  // Prefix of all names.
  const std::string token_;
  SegmentProbe probe_;
  std::unique_ptr<Segment> probe_segment_;
  absl::Mutex mu_;
  uint64_t num_written_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<std::string, Pair> pairs_ ABSL_GUARDED_BY(mu_);
};

// Removes the segments of this user whose writers are dead and returns how many there were.
// Thread-safe, also between processes.
int RemoveDeadSegments();

// Whether the writer of `probe` is on this machine and lets this process read.
bool CanRead(const SegmentProbe& probe);

// Copies a payload to `out`, which has ref.size_bytes. NotFound when it cannot be opened, DataLoss
// when it is not a segment of the writer, Aborted when the writer has overwritten it.
absl::Status ReadSegment(const SegmentRef& ref, char* out);

}  // namespace convrec::weights
