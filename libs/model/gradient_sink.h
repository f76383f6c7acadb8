// Where the backward pass can add a weight's gradient directly, so that there is no second copy
// next to the one that the optimizer reads.
#pragma once

#include <ATen/core/Tensor.h>

namespace convrec::model {

// The gradient of the single leaf that `weight` is, or whose values a PackedMatrix of one part
// gives as its whole. Undefined if it has no gradient yet or a hook waits for the complete
// gradient; autograd must then do the summing. Code that adds to the sink must not return a
// gradient to autograd.
at::Tensor GradientSink(const at::Tensor& weight);

}  // namespace convrec::model
