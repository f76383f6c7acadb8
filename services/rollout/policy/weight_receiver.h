// Keeps the engine's weights at the newest published version, on a thread of its own.
//
// Waits for a version at the learner, brings it here verified (WeightTransfer), and hands it to the
// engine, which swaps it in between two steps; then the learner hears that it is live. Bytes that
// are not the published ones never reach the engine. A version that is an adapter is merged into
// its base, which comes once and is kept.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "libs/engine/decoder_engine.h"
#include "services/rollout/policy/adapter_base.h"
#include "services/rollout/policy/policy_client.h"
#include "services/rollout/policy/weight_transfer.h"

namespace convrec::rollout {

class WeightReceiver final {
 public:
  // What has happened, for metrics; called on the receiver's thread.
  struct Observer {
    WeightTransfer::Observer transfer = {};
    // From the offer to weights that wait to be swapped in.
    std::function<void(double seconds)> loaded = {};
    // A call for this start of a run has been refused: the worker is to join again.
    std::function<void(domain::RunEpoch)> refused = {};
    // These weights can never be taken, as those of a model of another shape.
    std::function<void(const absl::Status&)> failed = {};
  };

  // All must outlive the receiver. `on_ready` is called when a policy waits to be swapped in.
  WeightReceiver(PolicyClient* client,
                 engine::DecoderEngine* engine,
                 const WeightTransfer::Options& options,
                 const Observer& observer,
                 std::function<void()> on_ready);
  ~WeightReceiver();  // Stops and joins.

  // Follows this start of a run from now on; what was held of another one counts for nothing.
  void Follow(domain::RunEpoch epoch) ABSL_LOCKS_EXCLUDED(mu_);

  // What came along with a policy that the engine has received. Forgets it and what others brought.
  struct Companions {
    std::vector<domain::Canary> canaries;
    bool is_float32 = true;  // The weights were sent unrounded.
  };
  Companions TakeCompanions(engine::PolicyId id) ABSL_LOCKS_EXCLUDED(mu_);

  // The engine samples with this policy.
  void Swapped(engine::PolicyId id) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Run();
  // Tells the worker that `epoch` is over, and waits until another one is followed, for a moment.
  void Refuse(domain::RunEpoch epoch) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Receive(const PolicyOffer& offer);
  // False when it ends before the engine has swapped.
  bool AwaitSwap(engine::PolicyId id) ABSL_LOCKS_EXCLUDED(mu_);

  PolicyClient* const client_;
  engine::DecoderEngine* const engine_;
  const Observer observer_;
  const std::function<void()> on_ready_;
  WeightTransfer transfer_;  // Of the receiver's thread.
  AdapterBase base_;         // Likewise.
  weights::BufferPool merged_;
  absl::Mutex mu_;
  std::map<engine::PolicyId, Companions> companions_ ABSL_GUARDED_BY(mu_);
  domain::RunEpoch epoch_ ABSL_GUARDED_BY(mu_){-1};
  engine::PolicyId swapped_ ABSL_GUARDED_BY(mu_);
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace convrec::rollout
