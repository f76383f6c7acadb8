// A part of a network that keeps its input instead of its activations.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace convrec::model {

// part(input), computed again in the backward pass. Gradients reach `input` and every leaf that
// `part` reads, as without the checkpoint, bit for bit. `part` is kept until then; it must depend
// on nothing that changes in between.
at::Tensor Checkpoint(const at::Tensor& input, std::function<at::Tensor(const at::Tensor&)> part);

}  // namespace convrec::model
