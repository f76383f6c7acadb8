// The learner's metrics, fed from the records of the run log, so that boards and logs agree.
#pragma once

#include <cstdint>
#include <vector>

#include "libs/report/records.h"
#include "libs/telemetry/metrics.h"

namespace convrec::learner {

// What boards show of a step and the log leaves out.
struct StepDetail {
  double policy_loss = 0;
  double kl_loss = 0;
  double entropy_loss = 0;
  double fresh_ratio_mean = 1;               // exp(recomputed - sampled) at equal weights.
  std::vector<int64_t> staleness_of_groups;  // Versions.
};

// Thread-safe.
class LearnerMetrics final {
 public:
  // `metrics` must outlive the value.
  LearnerMetrics(telemetry::Metrics* metrics, int num_ranks, int max_staleness);

  void Observe(const report::SftStep& step) const;
  void Observe(const report::RlStep& step, const StepDetail& detail) const;
  void ObserveEvaluation(const report::Evaluation& evaluation) const;
  void ObserveCheckpoint(double seconds) const;
  void ObserveNonFinite() const { non_finite_.Add(); }
  void SetPolicyVersion(int64_t version) const {
    policy_version_.Set(static_cast<double>(version));
  }

 private:
  telemetry::Counter steps_, tokens_, zero_advantage_groups_, non_finite_;
  telemetry::Gauge last_step_, last_checkpoint_, policy_version_, learning_rate_, entropy_,
      policy_loss_, kl_loss_, entropy_loss_;
  telemetry::Gauge grad_norm_, staleness_limit_, onpolicy_ratio_, logprob_gap_, wait_ratio_,
      effective_sample_ratio_;
  telemetry::Gauge clip_low_, clip_high_;
  telemetry::Gauge correction_mean_, correction_cut_, token_lag_;
  std::vector<telemetry::Gauge> kl_by_rank_, zero_std_by_rank_, ratio_by_rank_, clip_by_rank_,
      effective_by_rank_, correction_by_rank_, correction_cut_by_rank_, token_lag_by_rank_, ndcg_;
  telemetry::Histogram wait_s_, forward_s_, backward_s_, optimizer_s_, publish_s_, staleness_,
      checkpoint_s_;
};

}  // namespace convrec::learner
