// Weights from the learner to workers of the same machine through POSIX shared memory.
//
// The learner makes a small probe segment that stays, and payload segments, two per kind in turns.
// A worker knows that it is on the same machine when it can open the probe and finds the token of
// the manifest in it. A payload carries a generation that stands before and after a reader's copy,
// or the copy counts for nothing: readers never hold the writer up. Segments are never made
// smaller, so that a mapping stays valid.
//
// All segments of one writer share a token in their names; the writer holds a lock on the probe.
// What a writer that was killed has left behind is removed by the next writer of this user, of
// whatever run, and by RemoveDeadSegments().
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
  // `run` is the same for all starts of a run and for no other run on the machine, as the path of
  // its folder. Removes what dead writers have left.
  static absl::StatusOr<std::unique_ptr<SegmentWriter>> Create(const std::string& run,
                                                               domain::RunEpoch epoch);
  ~SegmentWriter();  // Removes the segments; readers keep what they have mapped.
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;

  const SegmentProbe& probe() const { return probe_; }

  // Copies `payload` over the older of the two segments of `kind`. ResourceExhausted when shared
  // memory is full; nothing is offered then.
  absl::StatusOr<SegmentRef> Write(const std::string& kind, std::string_view payload)
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  class Segment;
  struct Pair {
    std::unique_ptr<Segment> older;
    std::unique_ptr<Segment> newer;
  };
  SegmentWriter(std::string prefix, std::string token);

  const std::string prefix_;  // Of all names.
  const std::string token_;
  SegmentProbe probe_;
  std::unique_ptr<Segment> probe_segment_;
  absl::Mutex mu_;
  uint64_t num_written_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<std::string, Pair> pairs_ ABSL_GUARDED_BY(mu_);
};

// Removes the segments of this user whose writers do not live any more; how many there were.
// Thread-safe, also between processes.
int RemoveDeadSegments();

// Whether the writer of `probe` is on this machine and lets this process read.
bool CanRead(const SegmentProbe& probe);

// Copies a payload to `out`, of ref.size_bytes. NotFound when it cannot be opened, DataLoss when it
// is no segment of the writer, Aborted when the writer has overwritten it.
absl::Status ReadSegment(const SegmentRef& ref, char* out);

}  // namespace convrec::weights
