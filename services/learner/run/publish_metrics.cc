#include "services/learner/run/publish_metrics.h"

namespace convrec::learner {
namespace {

constexpr size_t kMaxWorkers = 512;
constexpr char kSentBytes[] = "rl_learner_weight_sent_bytes_total";

}  // namespace

PublishMetrics::PublishMetrics(telemetry::Metrics* metrics)
    : metrics_(metrics),
      whole_bytes_(metrics->AddCounter(kSentBytes, {{"encoding", "whole"}})),
      delta_bytes_(metrics->AddCounter(kSentBytes, {{"encoding", "delta"}})),
      mismatches_(metrics->AddCounter("rl_learner_weight_mismatches_total")) {}

void PublishMetrics::ObserveSent(bool is_delta, uint64_t size_bytes) const {
  (is_delta ? delta_bytes_ : whole_bytes_).Add(static_cast<double>(size_bytes));
}

void PublishMetrics::ObserveLive(const std::string& worker, int64_t version) {
  absl::MutexLock lock(&mu_);
  auto it = live_versions_.find(worker);
  if (it == live_versions_.end()) {
    if (live_versions_.size() >= kMaxWorkers) return;
    it = live_versions_
             .emplace(worker, metrics_->AddGauge("rl_learner_worker_version", {{"worker", worker}}))
             .first;
  }
  it->second.Set(static_cast<double>(version));
}

}  // namespace convrec::learner
