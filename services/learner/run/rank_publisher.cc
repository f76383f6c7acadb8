#include "services/learner/run/rank_publisher.h"

#include <utility>

namespace convrec::learner {

LeaderPublisher::LeaderPublisher(std::vector<std::vector<int32_t>> canaries,
                                 const RankTraining* training,
                                 Publication* publication,
                                 GroupLedger* ledger,
                                 const LearnerMetrics* metrics)
    : canaries_(std::move(canaries)),
      training_(*training),
      publication_(publication),
      ledger_(ledger),
      metrics_(*metrics) {}

absl::Status LeaderPublisher::Publish(domain::PolicyVersion version) {
  ledger_->Announce(version);
  publication_->Publish(training_.policy(), version, canaries_);
  ledger_->Publish(version);
  metrics_.SetPolicyVersion(version.value);
  return absl::OkStatus();
}

}  // namespace convrec::learner
