// The learner's metrics, updated from the records of the run log, so that boards and log agree.
#pragma once

#include <cstdint>

#include "libs/report/records.h"
#include "libs/telemetry/metrics.h"
#include "libs/telemetry/table_series.h"

namespace convrec::learner {

// Thread-safe.
class LearnerMetrics final {
 public:
  // `metrics` must outlive this object.
  LearnerMetrics(telemetry::Metrics* metrics, int num_ranks, int max_staleness);

  void Observe(const report::SftStep& step) const;
  void Observe(const report::RlStep& step) const;
  void ObserveEvaluation(const report::Evaluation& evaluation) const;
  void ObserveCheckpoint(double seconds) const;
  void ObserveNonFinite() const { non_finite_.Add(); }
  void SetPolicyVersion(int64_t version) const {
    policy_version_.Set(static_cast<double>(version));
  }

 private:
  const telemetry::TableSeries sft_, rl_, evaluation_;
  const telemetry::Counter steps_, non_finite_;
  const telemetry::Gauge last_step_, last_checkpoint_, policy_version_;
  const telemetry::Histogram checkpoint_s_;
};

}  // namespace convrec::learner
