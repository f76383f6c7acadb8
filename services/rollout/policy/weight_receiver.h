// Keeps the engine's weights at the newest published version, on a thread of its own.
//
// Waits for a version at the learner, fetches its bytes, checks the digest of every tensor and of the whole in
// its own buffer, and hands them to the engine, which swaps them in between two steps. Bytes that do not
// match are fetched again and never reach the engine.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "services/rollout/engine/decoder_engine.h"
#include "services/rollout/learner_client.h"

namespace convrec::rollout {

class WeightReceiver final {
 public:
  // What has happened, for metrics; called on the receiver's thread.
  struct Observer {
    std::function<void(uint64_t size_bytes, double seconds)> received;
    std::function<void()> digest_mismatch;
    // These weights can never be taken, as those of a model of another shape.
    std::function<void(const absl::Status&)> failed;
  };

  // All must outlive the receiver. `on_ready` is called when a policy waits to be swapped in.
  WeightReceiver(LearnerClient* learner, DecoderEngine* engine, Observer observer, std::function<void()> on_ready);
  ~WeightReceiver();   // Stops and joins.

  // Follows this learner start from now on.
  void Follow(domain::RunEpoch epoch) ABSL_LOCKS_EXCLUDED(mu_);

  // What came along with a policy that the engine has received. Forgets it and what older ones brought.
  struct Companions {
    std::vector<domain::Canary> canaries;
    bool is_float32 = true;   // The weights were sent unrounded.
  };
  Companions TakeCompanions(PolicyId id) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Run();
  absl::Status Receive(const PolicyManifest& manifest);

  LearnerClient* const learner_;
  DecoderEngine* const engine_;
  const Observer observer_;
  const std::function<void()> on_ready_;
  absl::Mutex mu_;
  std::map<PolicyId, Companions> companions_ ABSL_GUARDED_BY(mu_);
  domain::RunEpoch epoch_ ABSL_GUARDED_BY(mu_){-1};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// OK, or DataLoss naming the first tensor whose bytes do not have their digest.
absl::Status VerifyPolicy(const PolicyManifest& manifest, const std::string& bytes);

}  // namespace convrec::rollout
