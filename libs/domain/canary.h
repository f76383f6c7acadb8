// A fixed text with the log-probabilities that a policy gives it, sent along with the policy's
// weights. A process that loads the weights must compute the same figures; otherwise it has not
// loaded the same policy.
#pragma once

#include <cstdint>
#include <vector>

namespace convrec::domain {

struct Canary {
  std::vector<int32_t> token_ids;  // T >= 2
  std::vector<float> logprobs;     // T - 1, for tokens 1, 2, ... at temperature 1.
};

}  // namespace convrec::domain
