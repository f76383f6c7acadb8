#include "services/learner/run/step_report.h"

#include "libs/base/check.h"
#include "services/learner/run/evaluation_report.h"

namespace convrec::learner {
namespace {

using statistics::Combine;
using statistics::Update;

// What the updates measure of the tokens of all ranks: of the first one or of the last one, as each
// row says.
void AddLosses(const LossStats& first, const LossStats& last, report::RlStep* step) {
  for (size_t row = 0; row < step->rows().size(); ++row) {
    const statistics::Statistic& statistic = step->rows()[row];
    if (statistic.combine == Combine::kLeader) continue;
    step->Copy(statistic.update == Update::kLast ? last : first, row);
  }
}

}  // namespace

report::SftStep SummariseSftStep(const SftStats& stats, double seconds) {
  report::SftStep step;
  step["loss"] = stats.loss;
  step["learning_rate"] = stats.update.learning_rate;
  step["grad_norm"] = stats.update.grad_norm;
  step["tokens"] = static_cast<double>(stats.num_tokens);
  step["tokens_per_second"] = static_cast<double>(stats.num_tokens) / seconds;
  step["seconds"] = seconds;
  return step;
}

report::RlStep SummariseStep(const StepStats& stats,
                             const std::vector<PromptedGroup>& groups,
                             const Objective& objective) {
  CR_CHECK(!stats.losses.empty() && !stats.updates.empty());
  report::RlStep step;
  static_cast<statistics::RlValues&>(step) = stats.batch;
  AddLosses(stats.losses.front(), stats.losses.back(), &step);
  step["grad_norm"] = stats.updates.front().grad_norm;
  step["learning_rate"] = stats.updates.front().learning_rate;
  step["forward_s"] = absl::ToDoubleSeconds(stats.times.forward + stats.times.reference);
  step["backward_s"] = absl::ToDoubleSeconds(stats.times.backward);
  step["optimizer_s"] = absl::ToDoubleSeconds(stats.times.optimizer);
  std::vector<const domain::Rollout*> lists;
  for (const PromptedGroup& group : groups) {
    for (const domain::Rollout& rollout : group.group.rollouts) lists.push_back(&rollout);
  }
  DescribeLists(lists, objective.num_ranks, &step);
  return step;
}

void SetTimes(double wait_s, double seconds, report::RlStep* step) {
  report::RlStep& record = *step;
  record["wait_s"] = wait_s;
  record["seconds"] = seconds;
  record["wait_ratio"] = seconds > 0 ? wait_s / seconds : 0;
  record["tokens_per_second"] = record["tokens"] / seconds;
}

}  // namespace convrec::learner
