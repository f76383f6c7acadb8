#include "libs/kernels/low_rank.h"

#include <vector>

#include "libs/kernels/multiply.h"

namespace convrec::kernels {

void MergeLowRank(
    const float* b, const float* a, int64_t n, int64_t k, int64_t r, float scale, float* out) {
  std::vector<float> scaled(b, b + n * r);
  for (float& value : scaled) value *= scale;
  PanelMatrix panels(k, r, PanelType::kFloat32);
  panels.SetTransposed(a, k);
  Multiply(panels, {.x_MK = scaled.data(), .m = n, .out_MN = out, .add = true});
}

}  // namespace convrec::kernels
