// The payloads of the newest version, made on first request, once for all receivers.
//
// The first call that needs a delta encodes it, or writes a payload to shared memory, on the
// caller's thread; other calls for the same payload wait for it. Everything that belongs to earlier
// versions is dropped with the first call for a newer one. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "libs/weights/payload.h"
#include "libs/weights/shared_segment.h"
#include "services/learner/publish/policy_store.h"

namespace convrec::learner {

class PayloadStore final {
 public:
  // `store` must outlive this object. `writer` may be null: no shared memory. Stores that share a
  // writer use different `name`s for their segments.
  PayloadStore(const PolicyStore* store, weights::SegmentWriter* writer, std::string name = "")
      : store_(store), writer_(writer), name_(std::move(name)) {}

  // The payload for a receiver with `base` (or none): the delta if the base is kept and the delta
  // is smaller.
  weights::Payload PayloadFor(std::shared_ptr<const weights::Snapshot> snapshot,
                              const weights::Base& base) ABSL_LOCKS_EXCLUDED(mu_);

  // The whole snapshot in shared memory; nothing if shared memory is full, which is logged once.
  std::optional<weights::SegmentRef> SegmentFor(const weights::Snapshot& snapshot)
      ABSL_LOCKS_EXCLUDED(mu_);

  // How often deltas have been encoded and segments written; for tests.
  int num_encoded() const ABSL_LOCKS_EXCLUDED(mu_);
  int num_written() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // A payload that is made once; `mu` is held meanwhile.
  template <typename T>
  struct Once {
    absl::Mutex mu;
    std::optional<T> made ABSL_GUARDED_BY(mu);
  };
  using Delta = Once<std::shared_ptr<const std::string>>;
  using Segment = Once<std::optional<weights::SegmentRef>>;

  // False for a late reader of a superseded version, whose payloads are not kept.
  bool IsNewest(domain::PolicyVersion version) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const PolicyStore* const store_;
  weights::SegmentWriter* const writer_;
  const std::string name_;
  mutable absl::Mutex mu_;
  domain::PolicyVersion version_ ABSL_GUARDED_BY(mu_){weights::kBaseVersion.value - 1};
  std::map<std::string, std::shared_ptr<Delta>> deltas_
      ABSL_GUARDED_BY(mu_);  // By the base's digest.
  std::shared_ptr<Segment> segment_ ABSL_GUARDED_BY(mu_);
  int num_encoded_ ABSL_GUARDED_BY(mu_) = 0;
  int num_written_ ABSL_GUARDED_BY(mu_) = 0;
  bool has_warned_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace convrec::learner
