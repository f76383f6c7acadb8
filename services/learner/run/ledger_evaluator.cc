#include "services/learner/run/ledger_evaluator.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/monotonic.h"
#include "libs/base/status_macros.h"
#include "services/learner/run/evaluation_report.h"

namespace convrec::learner {

LedgerEvaluator::LedgerEvaluator(Options options,
                                 const RunData* data,
                                 const report::RunLog* earlier,
                                 GroupLedger* ledger,
                                 PromptBook* prompts,
                                 Outlets outlets)
    : options_(std::move(options)),
      data_(*data),
      earlier_(*earlier),
      ledger_(ledger),
      prompts_(prompts),
      outlets_(std::move(outlets)) {}

absl::Status LedgerEvaluator::Evaluate(report::RunPosition position, report::Split split) {
  if (report::HasEvaluation(earlier_, position, split)) return absl::OkStatus();
  const absl::Time start = base::MonotonicNow();
  const EvaluationSplit& rows = split == report::Split::kTest ? data_.test : data_.validation;
  ledger_->BeginEvaluation(
      prompts_->OpenEvaluation(&rows.prompts, {.num_siblings = 1, .params = options_.sampling}));
  const absl::StatusOr<std::vector<domain::RolloutGroup>> lists = AwaitLists();
  prompts_->CloseEvaluation();
  CR_RETURN_IF_ERROR(lists.status());
  report::Evaluation evaluation = SummariseEvaluation(*lists, options_.num_ranks);
  evaluation.stage = position.stage;
  evaluation.split = split;
  evaluation.step = position.step;
  evaluation["seconds"] = absl::ToDoubleSeconds(base::MonotonicNow() - start);
  outlets_.observe(evaluation);
  if (split == report::Split::kTest) CR_RETURN_IF_ERROR(LogSamples(position, *lists));
  return outlets_.log(evaluation);
}

// Waits in pieces, so that a starved learner says what it waits for.
absl::StatusOr<std::vector<domain::RolloutGroup>> LedgerEvaluator::AwaitLists() {
  int arrived = 0;
  while (true) {
    auto lists = ledger_->AwaitEvaluation(base::MonotonicNow() + options_.starvation_timeout);
    if (!absl::IsDeadlineExceeded(lists.status())) return lists;
    if (const int now_arrived = ledger_->evaluated(); now_arrived != arrived) {
      arrived = now_arrived;
      continue;
    }
    CR_RETURN_IF_ERROR(outlets_.warn(absl::StrCat("starved: ", lists.status().message())));
  }
}

absl::Status LedgerEvaluator::LogSamples(report::RunPosition position,
                                         const std::vector<domain::RolloutGroup>& groups) const {
  return outlets_.log(report::Samples{
      .stage = position.stage,
      .step = position.step,
      .samples =
          PickSamples(groups, data_.test.prompts, data_.test.conversations, options_.num_samples)});
}

}  // namespace convrec::learner
