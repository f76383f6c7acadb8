// Where the gradient of a weight can be added right in the backward pass, so that none stands
// beside the one that the optimizer reads.
#pragma once

#include <ATen/core/Tensor.h>

namespace convrec::model {

// The gradient of the one leaf that `weight` is, or that a PackedMatrix of one part gives as its
// whole. Undefined where it has no gradient yet or somebody waits for it to be complete (a hook):
// autograd has to add it up then. Who adds to the sink returns no gradient to autograd.
at::Tensor GradientSink(const at::Tensor& weight);

}  // namespace convrec::model
