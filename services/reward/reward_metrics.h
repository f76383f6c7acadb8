// The reward service in metrics:
//   rl_reward_requests_total{code}, rl_reward_request_seconds, rl_reward_inflight
//   rl_reward_items_total{position, outcome = hit | miss | out_of_catalog | duplicate | seen |
//   unparsed} rl_reward_value{position}, rl_reward_ndcg{k}: means over the last lists
// Positions are ranks 1 to N. Thread-safe.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "libs/telemetry/metrics.h"
#include "services/reward/reward_observer.h"
#include "services/reward/window_mean.h"

namespace convrec::reward {

class RewardMetrics final : public RewardObserver {
 public:
  static constexpr size_t kWindow = 1024;  // Lists.

  // `metrics` must outlive this; `num_ranks` is N.
  RewardMetrics(telemetry::Metrics* metrics, int num_ranks);

  void OnAnswer(const std::string& code, absl::Duration took) override;
  void OnScores(const std::vector<domain::ListScore>& scores) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnInFlight(int num_calls) override;

 private:
  static constexpr size_t kNumOutcomes = 6;

  struct Position {
    std::array<telemetry::Counter, kNumOutcomes> items;  // By domain::LineOutcome.
    telemetry::Gauge value;
    WindowMean rewards{kWindow};
  };
  struct Cutoff {
    telemetry::Gauge gauge;
    WindowMean ndcg{kWindow};
  };

  telemetry::Metrics* const metrics_;
  const telemetry::Gauge in_flight_;
  const telemetry::Histogram request_seconds_;
  absl::Mutex mu_;
  std::vector<Position> positions_ ABSL_GUARDED_BY(mu_);
  std::vector<Cutoff> cutoffs_ ABSL_GUARDED_BY(mu_);
};

}  // namespace convrec::reward
