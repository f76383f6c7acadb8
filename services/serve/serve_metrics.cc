#include "services/serve/serve_metrics.h"

#include "absl/strings/str_cat.h"

namespace convrec::serve {

ServeMetrics::ServeMetrics(telemetry::Metrics* metrics)
    : metrics_(metrics),
      prompt_tokens_(metrics->AddCounter("rl_serve_prompt_tokens_total")),
      generated_tokens_(metrics->AddCounter("rl_serve_generated_tokens_total")),
      sequences_(metrics->AddGauge("rl_serve_sequences")),
      running_sequences_(metrics->AddGauge("rl_serve_running_sequences")),
      first_token_seconds_(metrics->AddHistogram("rl_serve_first_token_seconds")),
      answer_seconds_(metrics->AddHistogram("rl_serve_answer_seconds")) {}

void ServeMetrics::CountRequest(const std::string& endpoint, int http_status) {
  metrics_
      ->AddCounter("rl_serve_requests_total",
                   {{"endpoint", endpoint}, {"code", absl::StrCat(http_status)}})
      .Add();
}

void ServeMetrics::ObserveFirstToken(absl::Duration since_request) const {
  first_token_seconds_.Observe(absl::ToDoubleSeconds(since_request));
}

void ServeMetrics::ObserveAnswer(absl::Duration since_request) const {
  answer_seconds_.Observe(absl::ToDoubleSeconds(since_request));
}

void ServeMetrics::CountPromptTokens(int64_t count) const {
  prompt_tokens_.Add(static_cast<double>(count));
}

void ServeMetrics::CountGeneratedTokens(int64_t count) const {
  generated_tokens_.Add(static_cast<double>(count));
}

std::string ServeMetrics::Serialize(const EngineLoop::Load& load) const {
  sequences_.Set(load.num_sequences);
  running_sequences_.Set(load.num_running_sequences);
  return metrics_->Serialize();
}

}  // namespace convrec::serve
