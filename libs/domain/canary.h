// A fixed text with the log-probabilities that a policy gives it, sent along with the policy's
// weights: whoever loads the weights computes the same figures, or has not loaded the same policy.
#pragma once

#include <cstdint>
#include <vector>

namespace convrec::domain {

struct Canary {
  std::vector<int32_t> token_ids;  // T >= 2
  std::vector<float> logprobs;     // T - 1: of tokens 1, 2, ... at temperature 1.
};

}  // namespace convrec::domain
