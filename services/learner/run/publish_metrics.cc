#include "services/learner/run/publish_metrics.h"

namespace convrec::learner {
namespace {

constexpr size_t kMaxWorkers = 512;

telemetry::Counter SentBytes(telemetry::Metrics* metrics, const std::string& encoding) {
  return metrics->AddCounter("rl_learner_weight_sent_bytes_total",
                             "Bytes of weights sent over gRPC, whole or as deltas.",
                             {{"encoding", encoding}});
}

}  // namespace

PublishMetrics::PublishMetrics(telemetry::Metrics* metrics)
    : metrics_(metrics),
      whole_bytes_(SentBytes(metrics, "whole")),
      delta_bytes_(SentBytes(metrics, "delta")),
      mismatches_(
          metrics->AddCounter("rl_learner_weight_mismatches_total",
                              "Reports of weights whose digest is not the published one.")) {}

void PublishMetrics::ObserveSent(bool is_delta, uint64_t size_bytes) const {
  (is_delta ? delta_bytes_ : whole_bytes_).Add(static_cast<double>(size_bytes));
}

void PublishMetrics::ObserveLive(const std::string& worker, int64_t version) {
  absl::MutexLock lock(&mu_);
  auto it = live_versions_.find(worker);
  if (it == live_versions_.end()) {
    if (live_versions_.size() >= kMaxWorkers) return;
    it = live_versions_
             .emplace(worker,
                      metrics_->AddGauge(
                          "rl_learner_worker_version",
                          "Policy version that a worker has last reported to sample with.",
                          {{"worker", worker}}))
             .first;
  }
  it->second.Set(static_cast<double>(version));
}

}  // namespace convrec::learner
