// Metrics of a rollout worker.
#pragma once

#include <map>
#include <utility>

#include "libs/telemetry/metrics.h"
#include "libs/weights/payload.h"
#include "services/rollout/policy/policy_client.h"

namespace convrec::rollout {

// Thread-safe.
struct WorkerMetrics {
  explicit WorkerMetrics(telemetry::Metrics* metrics);

  telemetry::Counter generated_tokens, prompt_tokens, truncated, reused_tokens;
  // Groups by outcome. Refused: no worker can produce them. Dropped: leased by an earlier start of
  // the learner.
  telemetry::Counter accepted, duplicate, stale, failed, refused, dropped;
  telemetry::Gauge version, digest_ok, canary_ok, running, cache_bytes;
  telemetry::Histogram generation_seconds, sync_seconds;
  telemetry::Counter sync_bytes;
  std::map<std::pair<TransferPlan::Source, weights::Encoding>, telemetry::Counter> transfers;
};

}  // namespace convrec::rollout
