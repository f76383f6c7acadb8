// The leader's reports during training: records of the run log, lines of the process log, and
// metrics. Torch-free.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/report/run_log.h"
#include "services/learner/experience/group_ledger.h"
#include "services/learner/loop/learner_parts.h"
#include "services/learner/run/learner_metrics.h"

namespace convrec::learner {

// Not thread-safe. An error comes from the run log, for example when the disk is full.
class RunReporter final : public StepReporter {
 public:
  struct Options {
    Objective objective;
    int64_t sft_steps = 0;
    int64_t rl_steps = 0;
    std::function<GroupLedger::Counts()> counts;  // Current counts of the ledger.
    std::function<int()> num_workers;             // Workers that called recently.
    const base::Clock* clock = base::Clock::Real();
  };

  // `log` and `metrics` must outlive the reporter.
  RunReporter(Options options, report::RunLogWriter* log, const LearnerMetrics* metrics);

  absl::Status Report(int64_t step, absl::Time start, const SftStats& stats) override;
  absl::Status Report(const PolicyStepReport& step) override;

  absl::Status Log(const report::Record& record) { return log_->Append(record); }
  // Writes a warning to the process log and an event to the run log, with the number of workers.
  absl::Status Warn(const std::string& message);

 private:
  double SecondsSince(absl::Time start) const;
  // Changes of the ledger's counts since the last step.
  absl::Status AddCounts(report::RlStep* record);
  // Logs one sentence when replacements begin to run out.
  absl::Status WarnOfMissingSignal(int64_t replaced, int64_t taken);

  const Options options_;
  report::RunLogWriter* const log_;
  const LearnerMetrics& metrics_;
  double mean_step_s_ = 0;      // Over recent steps; 0 = none yet.
  GroupLedger::Counts before_;  // Counts at the last step.
  bool lacks_signal_ = false;   // The last step ran out of replacements.
};

}  // namespace convrec::learner
