// Evaluations by the workers: every row of a split is leased once, greedily, and the scores that
// come back are the evaluation. Torch-free.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/domain/rollout.h"
#include "libs/report/run_log.h"
#include "services/learner/experience/group_ledger.h"
#include "services/learner/experience/prompt_book.h"
#include "services/learner/loop/learner_parts.h"
#include "services/learner/run/run_data.h"

namespace convrec::learner {

// One evaluation at a time; not thread-safe.
class LedgerEvaluator final : public Evaluator {
 public:
  struct Options {
    domain::SamplingParams sampling;  // Greedy.
    int num_ranks = 20;
    int num_samples = 0;                // Lists of the test split that the log shows.
    absl::Duration starvation_timeout;  // Without an answer for so long there is a warning.
  };
  // Where its results go. An error of these is the evaluation's.
  struct Outlets {
    std::function<absl::Status(const report::Record&)> log;
    std::function<absl::Status(const std::string&)> warn;
    std::function<void(const report::Evaluation&)> observe;  // Before it is logged.
  };

  // `earlier` is the log of the starts before this one. Pointers outlive the evaluator.
  LedgerEvaluator(Options options,
                  const RunData* data,
                  const report::RunLog* earlier,
                  GroupLedger* ledger,
                  PromptBook* prompts,
                  Outlets outlets);

  absl::Status Evaluate(report::RunPosition position, report::Split split) override;

 private:
  absl::StatusOr<std::vector<domain::RolloutGroup>> AwaitLists();
  absl::Status LogSamples(report::RunPosition position,
                          const std::vector<domain::RolloutGroup>& groups) const;

  const Options options_;
  const RunData& data_;
  const report::RunLog& earlier_;
  GroupLedger* const ledger_;
  PromptBook* const prompts_;
  const Outlets outlets_;
};

}  // namespace convrec::learner
