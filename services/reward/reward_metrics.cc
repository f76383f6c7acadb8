#include "services/reward/reward_metrics.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace convrec::reward {
namespace {

constexpr char kRequests[] = "rl_reward_requests_total";
constexpr char kRequestsHelp[] = "ScoreGroup calls answered, by status code.";

// By domain::LineOutcome.
constexpr std::array<const char*, 6> kOutcomeLabels = {
    "hit", "miss", "out_of_catalog", "duplicate", "seen", "unparsed"};
static_assert(static_cast<size_t>(domain::LineOutcome::kHit) == 0 &&
              static_cast<size_t>(domain::LineOutcome::kMiss) == 1 &&
              static_cast<size_t>(domain::LineOutcome::kOffCatalog) == 2 &&
              static_cast<size_t>(domain::LineOutcome::kDuplicate) == 3 &&
              static_cast<size_t>(domain::LineOutcome::kSeen) == 4 &&
              static_cast<size_t>(domain::LineOutcome::kMalformed) == 5);

telemetry::Counter ItemCounter(telemetry::Metrics* metrics, int position, const char* outcome) {
  return metrics->AddCounter("rl_reward_items_total",
                             "Lines scored, by rank and outcome.",
                             {{"position", absl::StrCat(position)}, {"outcome", outcome}});
}

}  // namespace

RewardMetrics::RewardMetrics(telemetry::Metrics* metrics, int num_ranks)
    : metrics_(metrics),
      in_flight_(metrics->AddGauge("rl_reward_inflight", "Calls admitted and not answered yet.")),
      request_seconds_(
          metrics->AddHistogram("rl_reward_request_seconds",
                                "Time from the arrival of a ScoreGroup call to its answer.",
                                telemetry::ExponentialBuckets(0.0005, 2, 14))) {
  metrics_->AddCounter(kRequests, kRequestsHelp, {{"code", "OK"}});
  absl::MutexLock lock(&mu_);
  for (int position = 1; position <= num_ranks; ++position) {
    const auto counter = [&](size_t outcome) {
      return ItemCounter(metrics, position, kOutcomeLabels[outcome]);
    };
    positions_.push_back(
        {{counter(0), counter(1), counter(2), counter(3), counter(4), counter(5)},
         metrics->AddGauge("rl_reward_value",
                           absl::StrCat("Mean reward of a rank over the last ", kWindow, " lists."),
                           {{"position", absl::StrCat(position)}}),
         WindowMean(kWindow)});
  }
  for (const int cutoff : domain::kCutoffs) {
    cutoffs_.push_back(
        {metrics->AddGauge("rl_reward_ndcg",
                           absl::StrCat("Mean NDCG at k over the last ", kWindow, " lists."),
                           {{"k", absl::StrCat(cutoff)}}),
         WindowMean(kWindow)});
  }
}

void RewardMetrics::OnAnswer(const std::string& code, absl::Duration took) {
  metrics_->AddCounter(kRequests, kRequestsHelp, {{"code", code}}).Add();
  request_seconds_.Observe(absl::ToDoubleSeconds(took));
}

void RewardMetrics::OnScores(const std::vector<domain::ListScore>& scores) {
  absl::MutexLock lock(&mu_);
  for (const domain::ListScore& score : scores) {
    for (size_t k = 0; k < std::min(positions_.size(), score.lines.size()); ++k) {
      positions_[k].items[static_cast<size_t>(score.lines[k].outcome)].Add();
    }
    for (size_t k = 0; k < std::min(positions_.size(), score.rank_rewards.size()); ++k) {
      positions_[k].rewards.Add(score.rank_rewards[k]);
    }
    for (size_t c = 0; c < cutoffs_.size(); ++c) cutoffs_[c].ndcg.Add(score.ndcg[c]);
  }
  for (const Position& position : positions_) position.value.Set(position.rewards.mean());
  for (const Cutoff& cutoff : cutoffs_) cutoff.gauge.Set(cutoff.ndcg.mean());
}

void RewardMetrics::OnInFlight(int num_calls) { in_flight_.Set(num_calls); }

}  // namespace convrec::reward
