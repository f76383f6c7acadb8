// Runs evaluations on the workers: every row of a split is leased once, with greedy decoding, and
// the returned scores are the evaluation. Torch-free.
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
    int num_samples = 0;                // Number of test lists shown in the log.
    absl::Duration starvation_timeout;  // A warning is logged if there is no answer for this long.
  };
  // Destinations of the results. An error of these becomes the evaluation's.
  struct Outlets {
    std::function<absl::Status(const report::Record&)> log;
    std::function<absl::Status(const std::string&)> warn;
    std::function<void(const report::Evaluation&)> observe;  // Called before it is logged.
  };

  // `earlier` is the log of previous starts. Pointers must outlive the evaluator.
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
