// The loop of a rollout worker: lease prompts, sample groups, score them, submit them.
//
// Threads: leasing, sampling (sole user of the engine besides weight transfer), weight receiving,
// and a few that score and submit. A group is leased only when the engine has room. The worker
// drops a submitted group whatever the learner answers. On a stop, leases without a sampled group
// are returned.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/engine/decoder_engine.h"
#include "libs/telemetry/metrics.h"
#include "libs/tokenizer/tokenizer.h"
#include "services/rollout/learner_client.h"
#include "services/rollout/list_constraints.h"
#include "services/rollout/policy/policy_client.h"
#include "services/rollout/policy/relay_service.h"
#include "services/rollout/policy/weight_transfer.h"
#include "services/rollout/reward_client.h"

namespace convrec::rollout {

struct RolloutWorkerOptions {
  std::string model_digest = {};  // Digest of the shape of the engine's model.
  int max_rows = 128;             // Sequences leased and not yet sampled.
  int submit_threads = 2;
  absl::Duration reward_timeout = absl::Minutes(2);  // After that the group is given back.
  WeightTransfer::Options transfer = {};
  // Receives each verified snapshot so that other workers can fetch it; may be null.
  RelayService* relay = nullptr;
  // Called if the run has constrained leases.
  ListConstraints::LoadTitles load_titles = {};
};

class RolloutWorker final {
 public:
  // All pointers must outlive the worker.
  RolloutWorker(const RolloutWorkerOptions& options,
                LearnerClient* learner,
                PolicyClient* policy,
                RewardClient* reward,
                engine::DecoderEngine* engine,
                const tokenizer::Tokenizer* tokenizer,
                telemetry::Metrics* metrics);
  ~RolloutWorker();

  // Works until the run is complete or a stop is requested (both OK), or something fails
  // permanently.
  // `on_ready` is called once the first policy is live.
  absl::Status Run(const std::function<void()>& on_ready);

  // Duration of the current sampling step so far; zero between steps. Any thread.
  absl::Duration StepTime() const;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace convrec::rollout
