// Metrics of a serving process.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "libs/telemetry/metrics.h"
#include "services/serve/engine_loop.h"

namespace convrec::serve {

// Thread-safe.
class ServeMetrics final {
 public:
  // `metrics` must outlive this object.
  explicit ServeMetrics(telemetry::Metrics* metrics);

  // A response of `endpoint` ("chat" or "completions") was sent with this status; 499 = the client
  // left.
  void CountRequest(const std::string& endpoint, int http_status);
  void ObserveFirstToken(absl::Duration since_request) const;
  void ObserveAnswer(absl::Duration since_request) const;
  void CountPromptTokens(int64_t count) const;
  void CountGeneratedTokens(int64_t count) const;

  // All metrics in Prometheus' text format, with the current load.
  std::string Serialize(const EngineLoop::Load& load) const;

 private:
  telemetry::Metrics* const metrics_;
  const telemetry::Counter prompt_tokens_, generated_tokens_;
  const telemetry::Gauge sequences_, running_sequences_;
  const telemetry::Histogram first_token_seconds_, answer_seconds_;
};

}  // namespace convrec::serve
