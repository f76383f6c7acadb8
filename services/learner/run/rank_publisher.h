// Publishes a version of the policy so that workers can fetch it.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "libs/domain/ids.h"
#include "services/learner/experience/group_ledger.h"
#include "services/learner/loop/learner_parts.h"
#include "services/learner/run/learner_metrics.h"
#include "services/learner/run/publication.h"
#include "services/learner/run/rank_training.h"

namespace convrec::learner {

// On the leader. Training thread only.
class LeaderPublisher final : public Publisher {
 public:
  // `canaries` are published with every version. Pointers must outlive this object.
  LeaderPublisher(std::vector<std::vector<int32_t>> canaries,
                  const RankTraining* training,
                  Publication* publication,
                  GroupLedger* ledger,
                  const LearnerMetrics* metrics);

  // ResourceExhausted if there is no memory for the copy, Internal for other torch exceptions.
  absl::Status Publish(domain::PolicyVersion version) override;

 private:
  const std::vector<std::vector<int32_t>> canaries_;
  const RankTraining& training_;
  Publication* const publication_;
  GroupLedger* const ledger_;
  const LearnerMetrics& metrics_;
};

// On other ranks: their part when the leader reads the weights, and a forward pass per canary.
class MemberPublisher final : public Publisher {
 public:
  MemberPublisher(int num_canaries, RankTraining* training)
      : num_canaries_(num_canaries), training_(*training) {}

  absl::Status Publish(domain::PolicyVersion) override {
    training_.ReadAlong(1 + num_canaries_);
    return absl::OkStatus();
  }

 private:
  const int num_canaries_;
  RankTraining& training_;
};

}  // namespace convrec::learner
