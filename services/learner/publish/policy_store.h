// The newest published policy as bytes, for workers to fetch.
//
// Only the newest snapshot is kept here; readers that still stream an older one hold it by their
// own handle. Thread-safe; WaitNewer() is the only call that waits.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/domain/canary.h"
#include "libs/domain/ids.h"

namespace convrec::learner {

struct SnapshotTensor {
  std::string name;   // Hugging Face name.
  std::string dtype;  // "F32" or "BF16".
  std::vector<int64_t> shape;
  uint64_t offset = 0;  // Of the first byte in PolicySnapshot::bytes.
  uint64_t size_bytes = 0;
  std::string digest;
};

struct PolicySnapshot {
  domain::PolicyVersion version;
  std::vector<SnapshotTensor> tensors;
  std::string bytes;
  std::string digest;  // Over all bytes.
  std::vector<domain::Canary> canaries;
};

class PolicyStore final {
 public:
  // Versions must grow.
  void Publish(std::shared_ptr<const PolicySnapshot> snapshot) ABSL_LOCKS_EXCLUDED(mu_);

  // Waits until a version newer than `served` exists; null at `deadline` or after Close().
  std::shared_ptr<const PolicySnapshot> WaitNewer(int64_t served, absl::Time deadline)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Null when `version` is not the newest one.
  std::shared_ptr<const PolicySnapshot> Get(domain::PolicyVersion version) const
      ABSL_LOCKS_EXCLUDED(mu_);

  // Whether `digest` is that of the bytes that were published as `version`.
  bool Matches(domain::PolicyVersion version, const std::string& digest) const
      ABSL_LOCKS_EXCLUDED(mu_);

  void Close() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  mutable absl::Mutex mu_;
  std::shared_ptr<const PolicySnapshot> newest_ ABSL_GUARDED_BY(mu_);
  std::map<int64_t, std::string> digests_
      ABSL_GUARDED_BY(mu_);  // Of the last versions, for late reports.
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace convrec::learner
