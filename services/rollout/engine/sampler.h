// Draws one token per row of logits.
// Shapes: M rows, V vocabulary.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "libs/domain/sampling_params.h"

namespace convrec::rollout {

// What a row needs besides its logits. `row` is the index into the logits, so that siblings can
// share the one row of their prompt's last token.
struct DrawRequest {
  int64_t row = 0;
  const domain::SamplingParams* sampling = nullptr;
  uint64_t stream = 0;     // The group in the random draws.
  uint32_t sibling = 0;
  uint32_t step = 0;       // Number of the token in its completion.
};

struct Draw {
  int32_t token_id = 0;
  // Log-probability under the full softmax at the sampling temperature (temperature 1 when greedy),
  // whatever top-k and top-p left out.
  float logprob = 0;
};

// Temperature 0 takes the most likely token, the lowest id among equals. Otherwise the draw inverts
// the cumulative distribution at a counter-based uniform number; the order of summation is by token id, so
// the result depends on nothing but the row and the request.
std::vector<Draw> DrawTokens(const at::Tensor& logits_MV, const std::vector<DrawRequest>& requests);

}  // namespace convrec::rollout
