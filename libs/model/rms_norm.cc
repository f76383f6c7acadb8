#include "libs/model/rms_norm.h"

#include <torch/types.h>

namespace convrec::model {

at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return at::rms_norm(x, weight.sizes(), weight, eps);
}

}  // namespace convrec::model
