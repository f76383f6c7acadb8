// The metrics of the reward service: the rows rl_reward_* of libs/statistics/process_table.h.
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
  static constexpr size_t kWindow = 1024;  // Lists; the help texts of the table state it too.

  // `metrics` must outlive this object; `num_ranks` is N.
  RewardMetrics(telemetry::Metrics* metrics, int num_ranks);

  void OnAnswer(const std::string& code, absl::Duration took) override;
  void OnScores(std::span<const domain::ListScore> scores) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnLoad(const Load& load) override;
  void OnRefusal(const char* reason) override;
  void OnExternalRule(bool answered) override;

  // A catalog is in use from now on.
  void OnCatalog(size_t num_items, const std::string& digest);
  // The catalog file was read again: its content is in use or was refused.
  void OnReload(bool loaded);

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
  const telemetry::Gauge in_flight_, held_bytes_, catalog_items_, catalog_digest_;
  const telemetry::Counter lists_, external_answered_, external_default_, loaded_, refused_;
  const telemetry::Histogram request_seconds_;
  absl::Mutex mu_;
  std::vector<Position> positions_ ABSL_GUARDED_BY(mu_);
  std::vector<Cutoff> cutoffs_ ABSL_GUARDED_BY(mu_);
};

}  // namespace convrec::reward
