// Checks whether live weights give canaries the log-probabilities that came with them.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "libs/domain/canary.h"
#include "libs/engine/decoder_engine.h"

namespace convrec::rollout {

// Largest allowed differences of log-probabilities, in nats.
struct CanaryTolerance {
  double largest = 0;  // For any token.
  double mean = 0;     // For the mean over the tokens of all canaries.
};

// Covers rounding of weights and activations to bfloat16, but not other weights.
constexpr CanaryTolerance kFloat32Canary{.largest = 1e-3, .mean = 1e-4};
constexpr CanaryTolerance kBfloat16Canary{.largest = 2.0, .mean = 0.1};

// DataLoss names the canary, the token and both figures. Call on the engine's thread.
absl::Status CheckCanaries(const std::vector<domain::Canary>& canaries,
                           const CanaryTolerance& tolerance,
                           engine::DecoderEngine* engine);

}  // namespace convrec::rollout
