#include "libs/model/gated_silu.h"

#include <torch/types.h>

#include "libs/kernels/pointwise.h"

namespace convrec::model {

at::Tensor GatedSilu(const at::Tensor& gate_up_M2F) {
  if (gate_up_M2F.is_cpu() && gate_up_M2F.is_contiguous() && !at::GradMode::is_enabled()) {
    const int64_t width = gate_up_M2F.size(-1) / 2;
    at::Tensor out = at::empty({gate_up_M2F.size(0), width}, gate_up_M2F.options());
    kernels::GatedSiluRows(gate_up_M2F.const_data_ptr<float>(),
                           gate_up_M2F.size(0),
                           width,
                           out.mutable_data_ptr<float>());
    return out;
  }
  const std::vector<at::Tensor> halves = gate_up_M2F.chunk(2, -1);
  return at::silu(halves[0]) * halves[1];
}

}  // namespace convrec::model
