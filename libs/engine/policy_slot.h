// The weights that are sampled with, and the spare ones that the next policy is loaded into.
//
// The live decoder belongs to the engine's thread, the spare one is filled by Receive() on another.
// Without a spare one from the start, it is made when the first policy comes: an engine that serves
// one model for good holds its weights once.
#pragma once

#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "libs/engine/policy.h"
#include "libs/model/decoder.h"

namespace convrec::engine {

class PolicySlot final {
 public:
  // `spare` may be null; `options` make one like it.
  PolicySlot(std::unique_ptr<model::Decoder> live,
             PolicyId id,
             std::unique_ptr<model::Decoder> spare,
             const model::DecoderOptions& options);

  // Engine thread.
  const model::Decoder& live() const { return *live_; }
  // Whether a received policy waits for Swap(). Never waits. Engine thread.
  bool has_pending() ABSL_LOCKS_EXCLUDED(mu_);
  // Makes a received policy live; returns whether there was one. Never waits. Engine thread.
  bool Swap() ABSL_LOCKS_EXCLUDED(mu_);

  PolicyId live_id() const ABSL_LOCKS_EXCLUDED(live_mu_);  // Any thread.
  // Waits while an earlier policy has not been swapped in. Any thread.
  absl::Status Receive(PolicyId id, const std::vector<PolicyTensor>& tensors)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Ends a pending Receive() with Cancelled. Any thread.
  void Close() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  bool SpareIsFree() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return closed_ || !pending_; }

  const model::DecoderOptions options_;
  std::unique_ptr<model::Decoder> live_;
  // Held during a whole transfer, so the engine's thread only tries it.
  absl::Mutex mu_;
  std::unique_ptr<model::Decoder> spare_ ABSL_GUARDED_BY(mu_);
  bool pending_ ABSL_GUARDED_BY(mu_) = false;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  PolicyId pending_id_ ABSL_GUARDED_BY(mu_);
  mutable absl::Mutex live_mu_;
  PolicyId live_id_ ABSL_GUARDED_BY(live_mu_);
};

}  // namespace convrec::engine
