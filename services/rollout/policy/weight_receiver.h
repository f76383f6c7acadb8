// Keeps the engine's weights at the newest published version, on its own thread.
//
// Waits for a version at the learner, fetches and verifies it (WeightTransfer), and hands it to the
// engine, which swaps it in between two steps. Then the learner is told that it is live. Bytes
// other than the published ones never reach the engine. A version that is an adapter is merged into
// its base, which is fetched once and kept.
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
  // Events for metrics; called on the receiver's thread.
  struct Observer {
    WeightTransfer::Observer transfer = {};
    // Time from the offer until the weights wait to be swapped in.
    std::function<void(double seconds)> loaded = {};
    // A call for this start of a run has been refused: the worker must join again.
    std::function<void(domain::RunEpoch)> refused = {};
    // These weights can never be used, for example because the model has another shape.
    std::function<void(const absl::Status&)> failed = {};
  };

  // All must outlive the receiver. `on_ready` is called when a policy waits to be swapped in.
  WeightReceiver(PolicyClient* client,
                 engine::DecoderEngine* engine,
                 const WeightTransfer::Options& options,
                 const Observer& observer,
                 std::function<void()> on_ready);
  ~WeightReceiver();  // Stops and joins.

  // Follows this start of a run from now on; weights of another one no longer count.
  void Follow(domain::RunEpoch epoch) ABSL_LOCKS_EXCLUDED(mu_);

  // Returns and removes what came with a policy that the engine has received; also removes what
  // came with other policies.
  struct Companions {
    std::vector<domain::Canary> canaries;
    bool is_float32 = true;  // The weights were sent unrounded.
  };
  Companions TakeCompanions(engine::PolicyId id) ABSL_LOCKS_EXCLUDED(mu_);

  // The engine samples with this policy.
  void Swapped(engine::PolicyId id) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Run();
  // Tells the worker that `epoch` is over, and waits briefly until another one is followed.
  void Refuse(domain::RunEpoch epoch) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Receive(const PolicyOffer& offer);
  // False if it ends before the engine has swapped.
  bool AwaitSwap(engine::PolicyId id) ABSL_LOCKS_EXCLUDED(mu_);

  PolicyClient* const client_;
  engine::DecoderEngine* const engine_;
  const Observer observer_;
  const std::function<void()> on_ready_;
  WeightTransfer transfer_;  // Used by the receiver's thread.
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
