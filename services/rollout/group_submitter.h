// Sends sampled groups to the reward service for scoring and submits them to the learner.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/domain/completion.h"
#include "libs/domain/lease.h"
#include "libs/domain/rollout.h"
#include "libs/lists/rank_segmentation.h"
#include "libs/tokenizer/tokenizer.h"
#include "services/rollout/learner_client.h"
#include "services/rollout/reward_client.h"
#include "services/rollout/worker_metrics.h"

namespace convrec::rollout {

// A lease and the group sampled for it.
struct SampledGroup {
  domain::Lease lease;
  std::vector<domain::Completion> completions;
};

// Thread-safe; Submit() blocks for as long as both services take.
class GroupSubmitter final {
 public:
  // Every group ends in one of these outcomes and is counted.
  enum class Outcome {
    kSettled,     // The learner has answered.
    kRunIsOver,   // The learner is at another start, or serves another run: join again.
    kGivenBack,   // A service cannot be reached; another worker may succeed.
    kWorkerEnds,  // This worker can never submit anything: see the status.
  };
  struct Result {
    Outcome outcome = Outcome::kSettled;
    absl::Status status = {};
  };

  // All pointers must outlive this object.
  GroupSubmitter(LearnerClient* learner,
                 RewardClient* reward,
                 const tokenizer::Tokenizer* tokenizer,
                 const WorkerMetrics* metrics,
                 absl::Duration reward_timeout)
      : learner_(learner),
        reward_(reward),
        tokenizer_(tokenizer),
        metrics_(metrics),
        reward_timeout_(reward_timeout) {}

  // A group that cannot be produced, for example because the reward service will not score it, is
  // refused at the learner, which sets it aside if that happens repeatedly.
  Result Submit(const SampledGroup& sampled, lists::RankCounting counting) const;

 private:
  domain::RolloutGroup Assemble(const SampledGroup& sampled, lists::RankCounting counting) const;
  absl::Status ScoreAndSubmit(const SampledGroup& sampled, lists::RankCounting counting) const;
  void Count(Admission admission, domain::GroupId group) const;

  LearnerClient* const learner_;
  RewardClient* const reward_;
  const tokenizer::Tokenizer* const tokenizer_;
  const WorkerMetrics* const metrics_;
  const absl::Duration reward_timeout_;
};

}  // namespace convrec::rollout
