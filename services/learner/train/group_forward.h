// Log-probabilities of completions under a decoder; each prompt is computed once for all its
// siblings. Shapes: M completion tokens, ordered by group, sibling and token.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "libs/domain/token_constraint.h"
#include "libs/model/decoder.h"
#include "services/learner/batch/microbatch.h"

namespace convrec::learner {

// A prompt and its completions, as views of tokens owned elsewhere.
struct TokenGroup {
  std::span<const int32_t> prompt;
  std::vector<std::span<const int32_t>> completions;
  // The constraint they were sampled under: log-probabilities are over the legal tokens. Empty =
  // all are legal.
  domain::MakeTokenConstraint make_constraint = {};
};

std::vector<GroupLengths> LengthsOf(const std::vector<TokenGroup>& groups);

// The groups of one micro-batch, with the siblings it holds.
std::vector<TokenGroup> Select(const std::vector<TokenGroup>& groups, const Microbatch& microbatch);

// InvalidArgument for an empty prompt, a token outside [0, vocab_size), and a token that its
// constraint does not allow.
absl::Status CheckTokens(const std::vector<TokenGroup>& groups, int64_t vocab_size);

struct ForwardOptions {
  double temperature = 1.0;  // > 0; the temperature the tokens were drawn with.
  int64_t chunk_rows = 0;    // See libs/model/chunked_logprob.h; 0 = automatic.
};

struct GroupLogprobs {
  at::Tensor logprob_M;  // float32, differentiable if the decoder is.
  at::Tensor entropy_M;  // float32, likewise.
};

// One pass over all groups at once. Throws what torch throws. With a parameter store
// (WeightKeeper), the output's values stay loaded if a backward pass may follow.
GroupLogprobs ForwardGroups(const model::Decoder& decoder,
                            const std::vector<TokenGroup>& groups,
                            const ForwardOptions& options);

}  // namespace convrec::learner
