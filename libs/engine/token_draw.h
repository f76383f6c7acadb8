// Draws one token from a row of float32 logits. Torch-free; thread-safe.
//
// A draw depends on the row and the request only: sums run in a fixed order, and the random number
// is counter-based. Shapes: V vocabulary.
#pragma once

#include <cstdint>
#include <vector>

#include "libs/domain/sampling_params.h"
#include "libs/engine/generation_engine.h"

namespace convrec::engine {

struct DrawRequest {
  int64_t row = 0;  // Row of the logits.
  const domain::SamplingParams* sampling = nullptr;
  uint64_t stream = 0;  // Identifies the group in the random draws.
  uint32_t sibling = 0;
  uint32_t step = 0;                            // Number of the token in its completion.
  const std::vector<int32_t>* legal = nullptr;  // Ascending; null = every token.
  int num_top_logprobs = 0;
};

struct Draw {
  int32_t token_id = 0;
  // Log-probability under the softmax of logits / temperature (temperature 1 when greedy) over the
  // legal tokens, regardless of what top-k, top-p and min-p left out.
  float logprob = 0;
  std::vector<TokenLogprob> top = {};
};

// Temperature 0 takes the likeliest token, the one with the lowest id among equals. Otherwise the
// draw inverts the cumulative distribution, in the order of ids, at a uniform random number of
// (seed, stream, sibling, step).
Draw DrawToken(const float* logits_V, int64_t vocab, const DrawRequest& request);

// One draw per request, in parallel.
std::vector<Draw> DrawTokens(const float* logits_MV,
                             int64_t vocab,
                             const std::vector<DrawRequest>& requests);

// One sentence when the values are out of range, otherwise empty.
std::string SamplingFault(const domain::SamplingParams& sampling);

}  // namespace convrec::engine
