#include "services/learner/run/ledger_batches.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/monotonic.h"
#include "libs/base/status_macros.h"

namespace convrec::learner {

LedgerBatches::LedgerBatches(Options options, GroupLedger* ledger, const PromptBook* prompts)
    : options_(std::move(options)), ledger_(ledger), prompts_(prompts) {}

absl::StatusOr<std::vector<PromptedGroup>> LedgerBatches::Take() {
  // Waits in pieces, so that a starved learner says what it waits for instead of standing silent.
  absl::StatusOr<std::vector<GroupLedger::Admitted>> batch;
  while (true) {
    batch = ledger_->TakeBatch(base::MonotonicNow() + options_.starvation_timeout);
    if (!absl::IsDeadlineExceeded(batch.status())) break;
    CR_RETURN_IF_ERROR(options_.warn(absl::StrCat("starved: ", batch.status().message())));
  }
  CR_RETURN_IF_ERROR(batch.status());
  std::vector<PromptedGroup> groups;
  for (GroupLedger::Admitted& admitted : *batch) {
    const domain::Prompt& prompt = prompts_->training_prompt(admitted.group.group);
    groups.push_back({.prompt_tokens = prompt.token_ids,
                      .group = std::move(admitted.group),
                      .make_constraint = options_.make_constraint ? options_.make_constraint(prompt)
                                                                  : domain::MakeTokenConstraint()});
  }
  return groups;
}

}  // namespace convrec::learner
