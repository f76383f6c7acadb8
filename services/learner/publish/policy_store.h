// The newest published policy as bytes, for workers to fetch, and a few earlier ones, which deltas
// are made against.
//
// Readers that still stream an older policy hold it by a handle of their own. Thread-safe; no call
// waits.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "libs/domain/ids.h"
#include "libs/weights/payload.h"
#include "libs/weights/snapshot.h"

namespace convrec::learner {

class PolicyStore final {
 public:
  // `num_bases` earlier versions are kept.
  explicit PolicyStore(int num_bases) : num_bases_(static_cast<size_t>(num_bases)) {}

  // Versions must increase.
  void Publish(std::shared_ptr<const weights::Snapshot> snapshot) ABSL_LOCKS_EXCLUDED(mu_);

  // The base of published adapters, with kBaseVersion; call before publishing the first of them.
  void SetBase(std::shared_ptr<const weights::Snapshot> snapshot) ABSL_LOCKS_EXCLUDED(mu_);

  // Null when there is no version newer than `held`.
  std::shared_ptr<const weights::Snapshot> GetNewer(int64_t held) const ABSL_LOCKS_EXCLUDED(mu_);

  // Null unless `version` is the newest one or that of an existing base.
  std::shared_ptr<const weights::Snapshot> Get(domain::PolicyVersion version) const
      ABSL_LOCKS_EXCLUDED(mu_);

  // Null if it is no longer kept or never existed.
  std::shared_ptr<const weights::Snapshot> GetBase(const weights::Base& base) const
      ABSL_LOCKS_EXCLUDED(mu_);

  // Whether `digest` is the digest of the bytes published as `version`.
  bool Matches(domain::PolicyVersion version, const std::string& digest) const
      ABSL_LOCKS_EXCLUDED(mu_);

  // Called after each Publish(), under the store's lock; empty = nobody.
  void SetListener(std::function<void()> published) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const size_t num_bases_;
  mutable absl::Mutex mu_;
  std::shared_ptr<const weights::Snapshot> adapter_base_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<const weights::Snapshot> newest_ ABSL_GUARDED_BY(mu_);
  std::deque<std::shared_ptr<const weights::Snapshot>> bases_
      ABSL_GUARDED_BY(mu_);  // Oldest first.
  std::map<int64_t, std::string> digests_
      ABSL_GUARDED_BY(mu_);  // Digests of recent versions, for late reports.
  std::function<void()> published_ ABSL_GUARDED_BY(mu_);
};

}  // namespace convrec::learner
