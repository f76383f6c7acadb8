#include "services/learner/run/learner_metrics.h"

namespace convrec::learner {

LearnerMetrics::LearnerMetrics(telemetry::Metrics* metrics, int num_ranks, int max_staleness)
    : sft_(metrics, statistics::kSftTable, num_ranks),
      rl_(metrics, statistics::kRlTable, num_ranks),
      evaluation_(metrics, statistics::kEvaluationTable, num_ranks),
      steps_(metrics->AddCounter("rl_learner_steps_total")),
      non_finite_(metrics->AddCounter("rl_learner_nonfinite_total", {{"where", "gradient"}})),
      last_step_(metrics->AddGauge("rl_learner_last_step_timestamp_seconds")),
      last_checkpoint_(metrics->AddGauge("rl_learner_last_checkpoint_timestamp_seconds")),
      policy_version_(metrics->AddGauge("rl_learner_policy_version")),
      checkpoint_s_(metrics->AddHistogram("rl_learner_checkpoint_seconds")) {
  metrics->AddGauge("rl_learner_staleness_limit_versions").Set(max_staleness);
}

void LearnerMetrics::Observe(const report::SftStep& step) const {
  last_step_.SetToCurrentTime();
  sft_.Observe(step);
}

void LearnerMetrics::Observe(const report::RlStep& step) const {
  steps_.Add();
  last_step_.SetToCurrentTime();
  rl_.Observe(step);
}

void LearnerMetrics::ObserveEvaluation(const report::Evaluation& evaluation) const {
  evaluation_.Observe(evaluation);
}

void LearnerMetrics::ObserveCheckpoint(double seconds) const {
  last_checkpoint_.SetToCurrentTime();
  checkpoint_s_.Observe(seconds);
}

}  // namespace convrec::learner
