#include "services/learner/run/run_reporter.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "services/learner/run/step_report.h"

namespace convrec::learner {

RunReporter::RunReporter(Options options, report::RunLogWriter* log, const LearnerMetrics* metrics)
    : options_(std::move(options)), log_(log), metrics_(*metrics) {}

double RunReporter::SecondsSince(absl::Time start) const {
  return absl::ToDoubleSeconds(options_.clock->Now() - start);
}

absl::Status RunReporter::Report(int64_t step, absl::Time start, const SftStats& stats) {
  if (!stats.update.is_applied) metrics_.ObserveNonFinite();
  report::SftStep record = SummariseSftStep(stats, SecondsSince(start));
  record.step = step;
  record.total_steps = options_.sft_steps;
  metrics_.Observe(record);
  return Log(record);
}

absl::Status RunReporter::Report(const PolicyStepReport& step) {
  for (const UpdateStats& update : step.stats.updates) {
    if (!update.is_applied) metrics_.ObserveNonFinite();
  }
  report::RlStep record = SummariseStep(step.stats, step.groups, options_.objective);
  record.step = step.step;
  record.total_steps = options_.rl_steps;
  record["policy_version"] = static_cast<double>(VersionOf(step.step).value);
  record["publish_s"] = absl::ToDoubleSeconds(step.publish);
  const double seconds = SecondsSince(step.start);
  SetTimes(absl::ToDoubleSeconds(step.wait), seconds, &record);
  mean_step_s_ = mean_step_s_ == 0 ? seconds : 0.9 * mean_step_s_ + 0.1 * seconds;
  record["eta_s"] = mean_step_s_ * static_cast<double>(options_.rl_steps - step.step);
  record["workers"] = options_.num_workers();
  CR_RETURN_IF_ERROR(AddCounts(&record));
  metrics_.Observe(record);
  return Log(record);
}

absl::Status RunReporter::AddCounts(report::RlStep* record) {
  const GroupLedger::Counts counts = options_.counts();
  const GroupLedger::Counts before = std::exchange(before_, counts);
  const int64_t dropped = counts.stale + counts.duplicate - before.stale - before.duplicate;
  const int64_t replaced = counts.resampled - before.resampled;
  (*record)["dropped_groups"] = static_cast<double>(dropped);
  (*record)["resampled_groups"] = static_cast<double>(replaced);
  return WarnOfMissingSignal(replaced, counts.accepted_unsignaled - before.accepted_unsignaled);
}

absl::Status RunReporter::WarnOfMissingSignal(int64_t replaced, int64_t taken) {
  const bool began = taken > 0 && !lacks_signal_;
  lacks_signal_ = taken > 0;
  if (!began) return absl::OkStatus();
  return Warn(absl::StrCat("starved of signal: ",
                           replaced,
                           " groups with equal rewards were replaced for this step, as many as "
                           "learner.objective.max_resampled allows, and ",
                           taken,
                           " more were taken as they are"));
}

absl::Status RunReporter::Warn(const std::string& message) {
  const std::string line = absl::StrCat(message, "; ", options_.num_workers(), " workers heard of");
  CR_LOG(WARNING) << line;
  return Log(report::Event{line});
}

}  // namespace convrec::learner
