// What the leader says about a run while it trains: lines of the run log and of the process' log,
// and metrics. Torch-free.
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

// Not thread-safe. An error is that of the run log, a full disk.
class RunReporter final : public StepReporter {
 public:
  struct Options {
    Objective objective;
    int64_t sft_steps = 0;
    int64_t rl_steps = 0;
    std::function<GroupLedger::Counts()> counts;  // Of the ledger, now.
    std::function<int()> num_workers;             // Heard of lately.
    const base::Clock* clock = base::Clock::Real();
  };

  // `log` and `metrics` outlive the reporter.
  RunReporter(Options options, report::RunLogWriter* log, const LearnerMetrics* metrics);

  absl::Status Report(int64_t step, absl::Time start, const SftStats& stats) override;
  absl::Status Report(const PolicyStepReport& step) override;

  absl::Status Log(const report::Record& record) { return log_->Append(record); }
  // A warning of the process' log and an event of the run's, with the number of workers.
  absl::Status Warn(const std::string& message);

 private:
  double SecondsSince(absl::Time start) const;
  // What has changed in the ledger since the last step.
  absl::Status AddCounts(report::RlStep* record);
  // One sentence when replacements begin to run out.
  absl::Status WarnOfMissingSignal(int64_t replaced, int64_t taken);

  const Options options_;
  report::RunLogWriter* const log_;
  const LearnerMetrics& metrics_;
  double mean_step_s_ = 0;      // Of the last steps; 0 = none yet.
  GroupLedger::Counts before_;  // At the last step.
  bool lacks_signal_ = false;   // The last step's replacements ran out.
};

}  // namespace convrec::learner
