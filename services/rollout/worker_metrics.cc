#include "services/rollout/worker_metrics.h"

#include <string>

namespace convrec::rollout {
namespace {

telemetry::Counter Groups(telemetry::Metrics* metrics, const std::string& outcome) {
  return metrics->AddCounter("rl_rollout_groups_total", {{"outcome", outcome}});
}

}  // namespace

WorkerMetrics::WorkerMetrics(telemetry::Metrics* metrics)
    : generated_tokens(metrics->AddCounter("rl_rollout_generated_tokens_total")),
      prompt_tokens(metrics->AddCounter("rl_rollout_prompt_tokens_total")),
      truncated(metrics->AddCounter("rl_rollout_truncated_total")),
      reused_tokens(metrics->AddCounter("rl_rollout_prefix_reused_tokens_total")),
      accepted(Groups(metrics, "accepted")),
      duplicate(Groups(metrics, "duplicate")),
      stale(Groups(metrics, "stale")),
      failed(Groups(metrics, "failed")),
      refused(Groups(metrics, "refused")),
      dropped(Groups(metrics, "dropped")),
      version(metrics->AddGauge("rl_rollout_policy_version")),
      digest_ok(metrics->AddGauge("rl_rollout_weight_digest_ok")),
      canary_ok(metrics->AddGauge("rl_rollout_canary_ok")),
      running(metrics->AddGauge("rl_rollout_running_sequences")),
      cache_bytes(metrics->AddGauge("rl_rollout_cache_bytes")),
      generation_seconds(metrics->AddHistogram("rl_rollout_generation_seconds")),
      sync_seconds(metrics->AddHistogram("rl_weight_sync_seconds")),
      sync_bytes(metrics->AddCounter("rl_weight_sync_bytes_total")) {
  for (const auto& [source, name] :
       {std::pair(TransferPlan::Source::kLearner, "learner"),
        std::pair(TransferPlan::Source::kWorker, "worker"),
        std::pair(TransferPlan::Source::kSharedMemory, "shared_memory"),
        std::pair(TransferPlan::Source::kBroadcast, "broadcast")}) {
    for (const auto& [encoding, how] : {std::pair(weights::Encoding::kWhole, "whole"),
                                        std::pair(weights::Encoding::kDelta, "delta")}) {
      transfers.emplace(
          std::pair(source, encoding),
          metrics->AddCounter("rl_weight_transfers_total", {{"source", name}, {"encoding", how}}));
    }
  }
  digest_ok.Set(1);
  canary_ok.Set(1);
}

}  // namespace convrec::rollout
