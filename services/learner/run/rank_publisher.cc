#include "services/learner/run/rank_publisher.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "services/learner/train/torch_seam.h"

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
  const auto publish = [&] {
    publication_->Publish(training_.policy(), version, canaries_);
    return true;
  };
  CR_RETURN_IF_ERROR(CatchTorch(publish, [&] {
                       return absl::StrCat("version ", version.value, " was being published");
                     }).status());
  ledger_->Publish(version);
  metrics_.SetPolicyVersion(version.value);
  return absl::OkStatus();
}

}  // namespace convrec::learner
