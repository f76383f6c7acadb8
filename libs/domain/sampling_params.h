// How completions are sampled. Part of a Lease, so an evaluation is a Lease with temperature 0.
#pragma once

#include <cstdint>

namespace convrec::domain {

struct SamplingParams {
  float temperature = 1.0f;   // 0 = greedy.
  int top_k = 0;              // 0 = off.
  float top_p = 1.0f;         // 1 = off.
  float min_p = 0.0f;         // Lowest probability relative to the likeliest token's; 0 = off.
  int max_new_tokens = 1024;  // End of stream included; > 0.
  bool constrained = false;  // Lists of catalog titles only; see libs/constraint/list_constraint.h.
  uint64_t seed = 0;         // Draws are a function of (seed, group, sibling, step).
};

}  // namespace convrec::domain
