// A row of supervised fine-tuning.
#pragma once

#include <cstdint>
#include <vector>

namespace convrec::learner {

// The completion ends with the turn-ending token.
struct SftRow {
  std::vector<int32_t> prompt_tokens;
  std::vector<int32_t> completion_tokens;
};

}  // namespace convrec::learner
