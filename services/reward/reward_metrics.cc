#include "services/reward/reward_metrics.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace convrec::reward {
namespace {

constexpr char kRequests[] = "rl_reward_requests_total";
constexpr char kRefused[] = "rl_reward_refused_total";
constexpr char kExternal[] = "rl_reward_external_total";
constexpr char kReloads[] = "rl_reward_catalog_reloads_total";

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
                             {{"position", absl::StrCat(position)}, {"outcome", outcome}});
}

}  // namespace

RewardMetrics::RewardMetrics(telemetry::Metrics* metrics, int num_ranks)
    : metrics_(metrics),
      in_flight_(metrics->AddGauge("rl_reward_inflight")),
      held_bytes_(metrics->AddGauge("rl_reward_held_bytes")),
      catalog_items_(metrics->AddGauge("rl_reward_catalog_items")),
      catalog_digest_(metrics->AddGauge("rl_reward_catalog_digest")),
      lists_(metrics->AddCounter("rl_reward_lists_total")),
      external_answered_(metrics->AddCounter(kExternal, {{"result", "answered"}})),
      external_default_(metrics->AddCounter(kExternal, {{"result", "default"}})),
      loaded_(metrics->AddCounter(kReloads, {{"result", "loaded"}})),
      refused_(metrics->AddCounter(kReloads, {{"result", "refused"}})),
      request_seconds_(metrics->AddHistogram("rl_reward_request_seconds")) {
  metrics_->AddCounter(kRequests, {{"code", "OK"}});
  for (const char* reason : {"calls", "client", "bytes"}) {
    metrics_->AddCounter(kRefused, {{"reason", reason}});
  }
  absl::MutexLock lock(&mu_);
  for (int position = 1; position <= num_ranks; ++position) {
    const auto counter = [&](size_t outcome) {
      return ItemCounter(metrics, position, kOutcomeLabels[outcome]);
    };
    positions_.push_back(
        {{counter(0), counter(1), counter(2), counter(3), counter(4), counter(5)},
         metrics->AddGauge("rl_reward_value", {{"position", absl::StrCat(position)}}),
         WindowMean(kWindow)});
  }
  for (const int cutoff : domain::kCutoffs) {
    cutoffs_.push_back(
        {metrics->AddGauge("rl_reward_ndcg", {{"k", absl::StrCat(cutoff)}}), WindowMean(kWindow)});
  }
}

void RewardMetrics::OnAnswer(const std::string& code, absl::Duration took) {
  metrics_->AddCounter(kRequests, {{"code", code}}).Add();
  request_seconds_.Observe(absl::ToDoubleSeconds(took));
}

void RewardMetrics::OnScores(std::span<const domain::ListScore> scores) {
  lists_.Add(static_cast<double>(scores.size()));
  absl::MutexLock lock(&mu_);
  std::vector<std::array<int, kNumOutcomes>> counts(positions_.size());
  for (const domain::ListScore& score : scores) {
    for (size_t k = 0; k < std::min(positions_.size(), score.lines.size()); ++k) {
      ++counts[k][static_cast<size_t>(score.lines[k].outcome)];
    }
    for (size_t k = 0; k < std::min(positions_.size(), score.rank_rewards.size()); ++k) {
      positions_[k].rewards.Add(score.rank_rewards[k]);
    }
    for (size_t c = 0; c < cutoffs_.size(); ++c) cutoffs_[c].ndcg.Add(score.ndcg[c]);
  }
  for (size_t k = 0; k < positions_.size(); ++k) {
    for (size_t outcome = 0; outcome < kNumOutcomes; ++outcome) {
      if (counts[k][outcome] > 0) positions_[k].items[outcome].Add(counts[k][outcome]);
    }
    positions_[k].value.Set(positions_[k].rewards.mean());
  }
  for (const Cutoff& cutoff : cutoffs_) cutoff.gauge.Set(cutoff.ndcg.mean());
}

void RewardMetrics::OnLoad(const Load& load) {
  in_flight_.Set(load.calls);
  held_bytes_.Set(static_cast<double>(load.held_bytes));
}

void RewardMetrics::OnRefusal(const char* reason) {
  metrics_->AddCounter(kRefused, {{"reason", reason}}).Add();
}

void RewardMetrics::OnExternalRule(bool answered) {
  (answered ? external_answered_ : external_default_).Add();
}

void RewardMetrics::OnCatalog(size_t num_items, const std::string& digest) {
  catalog_items_.Set(static_cast<double>(num_items));
  uint64_t bits = 0;
  CR_CHECK(absl::SimpleHexAtoi(digest.substr(0, 13), &bits), digest);
  catalog_digest_.Set(static_cast<double>(bits));
}

void RewardMetrics::OnReload(bool loaded) { (loaded ? loaded_ : refused_).Add(); }

}  // namespace convrec::reward
