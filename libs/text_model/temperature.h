// Temperatures that are too small to divide by.
#pragma once

namespace convrec::text_model {

// Below it the likeliest token has all the probability that float32 can tell from 1, and logits
// divided by less overflow.
inline constexpr float kGreedyBelow = 1e-5F;

// 0, which is greedy, for a temperature below the bound.
inline float UsableTemperature(float temperature) {
  return temperature < kGreedyBelow ? 0.0F : temperature;
}

}  // namespace convrec::text_model
