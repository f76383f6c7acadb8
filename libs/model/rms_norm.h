// Root-mean-square normalisation of the last dimension: x / sqrt(mean(x^2) + eps) * weight.
#pragma once

#include <ATen/core/Tensor.h>

namespace convrec::model {

// Differentiable. float32 on the CPU takes one pass over memory forward and one backward;
// everything else uses ATen.
at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps);

// The same with ATen operations only, on any device.
at::Tensor RmsNormByParts(const at::Tensor& x, const at::Tensor& weight, double eps);

}  // namespace convrec::model
