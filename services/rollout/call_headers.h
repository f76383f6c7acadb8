// How a worker identifies itself in every call: its name, which process with that name it is, and
// what it samples and scores with.
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
  // Draws the random number of the process.
  explicit CallHeaders(std::string worker);

  const std::string& worker() const { return worker_; }
  // Included in every call from now on.
  void SetDigests(domain::RunDigests digests) ABSL_LOCKS_EXCLUDED(mu_);

  // The header of a call for a start of a run; the default value when joining.
  v1::CallHeader For(domain::RunEpoch epoch) const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const std::string worker_;
  const uint64_t instance_;
  mutable absl::Mutex mu_;
  domain::RunDigests digests_ ABSL_GUARDED_BY(mu_);
};

}  // namespace convrec::rollout
