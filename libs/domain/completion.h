// One sampled answer, as it was sampled.
#pragma once

#include <cstdint>
#include <vector>

#include "libs/domain/ids.h"

namespace convrec::domain {

enum class FinishReason { kStop, kLength, kRanks };  // A stop token, the token limit, enough ranks.

// Example, N = 2: tokens "A (1999)\n", "B (2000)", EOS have rank_of_token {0, 1, kEndUnit}.
struct Completion {
  std::vector<int32_t> token_ids;       // T tokens, the stop token included when it was drawn.
  std::vector<float> sampled_logprobs;  // T, of the temperature-scaled softmax over all
                                        // (constrained: all legal) tokens.
  FinishReason finish_reason = FinishReason::kLength;
  PolicyVersion min_version;  // Oldest and newest weights that drew a token.
  PolicyVersion max_version;
};

}  // namespace convrec::domain
