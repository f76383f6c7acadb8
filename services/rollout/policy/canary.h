// Whether live weights give canaries the log-probabilities that came with them.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "libs/domain/canary.h"
#include "libs/engine/decoder_engine.h"

namespace convrec::rollout {

// Nats by which log-probabilities may differ.
struct CanaryTolerance {
  double largest = 0;  // Of any token.
  double mean = 0;     // Over the tokens of all canaries.
};

// What rounding of weights and activations to bfloat16 explains, and what only other weights do.
constexpr CanaryTolerance kFloat32Canary{.largest = 1e-3, .mean = 1e-4};
constexpr CanaryTolerance kBfloat16Canary{.largest = 2.0, .mean = 0.1};

// DataLoss naming the canary, the token and both figures. On the engine's thread.
absl::Status CheckCanaries(const std::vector<domain::Canary>& canaries,
                           const CanaryTolerance& tolerance,
                           engine::DecoderEngine* engine);

}  // namespace convrec::rollout
