#include "libs/model/gated_silu.h"

#include <torch/types.h>

namespace convrec::model {

at::Tensor GatedSilu(const at::Tensor& gate_up_M2F) {
  const std::vector<at::Tensor> halves = gate_up_M2F.chunk(2, -1);
  return at::silu(halves[0]) * halves[1];
}

}  // namespace convrec::model
