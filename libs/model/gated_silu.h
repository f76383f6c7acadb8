// silu(gate) * up, the activation between the two products of the MLP.
// Shapes: M tokens, F intermediate width.
#pragma once

#include <ATen/core/Tensor.h>

namespace convrec::model {

// gate_up holds gate in its first F columns and up in the rest: [M, 2F] -> [M, F].
at::Tensor GatedSilu(const at::Tensor& gate_up_M2F);

}  // namespace convrec::model
