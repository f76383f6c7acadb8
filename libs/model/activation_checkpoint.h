// Activation checkpointing: a part of a network keeps its input instead of its activations.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace convrec::model {

// Returns part(input), which is recomputed in the backward pass. Gradients reach `input` and every
// leaf that `part` reads, bit for bit as without the checkpoint. `part` is kept until then and must
// not depend on anything that changes in between.
at::Tensor Checkpoint(const at::Tensor& input, std::function<at::Tensor(const at::Tensor&)> part);

}  // namespace convrec::model
