// The live weights, which sampling uses, and the spare ones, into which the next policy is loaded.
//
// The live decoder belongs to the engine's thread; the spare one is filled by Receive() on another.
// Without a spare decoder at the start, one is created when the first policy arrives, so an engine
// that only ever serves one model holds its weights once.
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
  // `spare` may be null; it is then made from `options` when needed.
  PolicySlot(std::unique_ptr<model::Decoder> live,
             PolicyId id,
             std::unique_ptr<model::Decoder> spare,
             const model::DecoderOptions& options);

  // Engine thread.
  const model::Decoder& live() const { return *live_; }
  // Whether a received policy waits for Swap(). Never blocks. Engine thread.
  bool has_pending() ABSL_LOCKS_EXCLUDED(mu_);
  // Makes a received policy live; returns whether there was one. Never blocks. Engine thread.
  bool Swap() ABSL_LOCKS_EXCLUDED(mu_);

  PolicyId live_id() const ABSL_LOCKS_EXCLUDED(live_mu_);  // Any thread.
  // Blocks while an earlier policy has not been swapped in. Any thread.
  absl::Status Receive(PolicyId id, const std::vector<PolicyTensor>& tensors)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Ends a pending Receive() with Cancelled. Callable from any thread.
  void Close() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  bool SpareIsFree() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return closed_ || !pending_; }

  const model::DecoderOptions options_;
  std::unique_ptr<model::Decoder> live_;
  // Held during a whole transfer, so the engine's thread only tries to lock it.
  absl::Mutex mu_;
  std::unique_ptr<model::Decoder> spare_ ABSL_GUARDED_BY(mu_);
  bool pending_ ABSL_GUARDED_BY(mu_) = false;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  PolicyId pending_id_ ABSL_GUARDED_BY(mu_);
  mutable absl::Mutex live_mu_;
  PolicyId live_id_ ABSL_GUARDED_BY(live_mu_);
};

}  // namespace convrec::engine
