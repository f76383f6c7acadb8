#include "services/learner/run/best_policy.h"

#include "absl/strings/str_cat.h"
#include "services/learner/loop/run_plan.h"

namespace convrec::learner {

void BestPolicy::Note(const report::Evaluation& evaluation) {
  if (evaluation.stage != report::Stage::kRl || evaluation.split != report::Split::kValidation ||
      report::Ndcg20(evaluation) <= ndcg_)
    return;
  ndcg_ = report::Ndcg20(evaluation);
  step_ = evaluation.step;
}

bool BestPolicy::IsLost(const RunState& state) const {
  return keep_ && step_ == state.rl_step && last_checkpoint_ != CheckpointName(state);
}

std::string BestPolicy::checkpoint() const {
  return keep_ && step_ ? absl::StrCat("rl-", *step_) : "";
}

}  // namespace convrec::learner
