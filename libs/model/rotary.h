// Rotary position embedding: pairs (i, i + E/2) of each head are rotated by position * frequency_i.
// Shapes: M tokens, H heads, E head width.
#pragma once

#include <ATen/core/Tensor.h>

#include "libs/model/model_config.h"

namespace convrec::model {

// Cosine and sine of every token's angles, times the scale, shared by all heads and layers of one
// pass.
struct Rotation {
  at::Tensor cos_M1E;
  at::Tensor sin_M1E;  // Negated in the first half, so that x * cos + swapped(x) * sin rotates.
};

// float32 [E/2] on the CPU, rounded as in the reference implementation.
at::Tensor RotaryFrequencies(const ModelConfig& config);

// The factor for rotated queries and keys; 1 except for YaRN.
double RotaryScale(const ModelConfig& config);

Rotation MakeRotation(const at::Tensor& positions_M, const at::Tensor& frequencies, double scale);

at::Tensor Rotate(const at::Tensor& x_MHE, const Rotation& rotation);

// x with its first `heads` heads rotated and the rest unchanged; differentiable, float32 on the
// CPU.
at::Tensor RotateFirstHeads(const at::Tensor& x_MXE, int64_t heads, const Rotation& rotation);

}  // namespace convrec::model
