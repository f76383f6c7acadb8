// What a worker says of itself in every call: its name, which process of that name it is, and what
// it samples and scores with.
#pragma once

#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "libs/domain/run_identity.h"

namespace convrec::v1 {
class CallHeader;
}

namespace convrec::rollout {

// Shared by the clients of one worker. Thread-safe.
class CallHeaders final {
 public:
  // Draws the process' number.
  explicit CallHeaders(std::string worker);

  const std::string& worker() const { return worker_; }
  // From now on in every call.
  void SetDigests(domain::RunDigests digests) ABSL_LOCKS_EXCLUDED(mu_);

  // The header of a call for a start of a run; for one that joins, the default value.
  v1::CallHeader For(domain::RunEpoch epoch) const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const std::string worker_;
  const uint64_t instance_;
  mutable absl::Mutex mu_;
  domain::RunDigests digests_ ABSL_GUARDED_BY(mu_);
};

}  // namespace convrec::rollout
