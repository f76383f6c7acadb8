#include "libs/kernels/pointwise.h"

#include <algorithm>
#include <vector>

#include "libs/kernels/kernel_table.h"
#include "libs/kernels/parallel.h"

namespace convrec::kernels {
namespace {

// Calls body(row) for every row, in parts large enough to be worth a thread.
template <typename Body>
void ForRows(int64_t m, int64_t floats_per_row, const Body& body) {
  const int64_t part = std::max<int64_t>(1, 8192 / std::max<int64_t>(floats_per_row, 1));
  ParallelForStatic((m + part - 1) / part, [&](int64_t i) {
    for (int64_t row = i * part; row < std::min(m, (i + 1) * part); ++row) body(row);
  });
}

}  // namespace

void RmsNormRows(const float* x,
                 int64_t m,
                 int64_t d,
                 const float* weight,
                 float eps,
                 float* out,
                 float* scale_M) {
  const KernelTable& kernels = Kernels();
  ForRows(m, d, [&](int64_t row) {
    const float scale = kernels.rms_norm(x + row * d, weight, d, eps, out + row * d);
    if (scale_M != nullptr) scale_M[row] = scale;
  });
}

void RmsNormBackwardRows(const float* x,
                         int64_t m,
                         int64_t d,
                         const float* weight,
                         const float* scale_M,
                         const float* gradient,
                         float* out,
                         float* weight_gradient) {
  const KernelTable& kernels = Kernels();
  constexpr int64_t kPartRows = 256;
  const int64_t num_parts = (m + kPartRows - 1) / kPartRows;
  std::vector<float> partial(static_cast<size_t>(num_parts * d));
  ParallelFor(num_parts, [&](int64_t part) {
    for (int64_t row = part * kPartRows; row < std::min(m, (part + 1) * kPartRows); ++row) {
      kernels.rms_norm_backward(x + row * d,
                                weight,
                                scale_M[row],
                                gradient + row * d,
                                d,
                                out + row * d,
                                partial.data() + part * d);
    }
  });
  std::fill(weight_gradient, weight_gradient + d, 0.0F);
  for (int64_t part = 0; part < num_parts; ++part) {
    for (int64_t i = 0; i < d; ++i)
      weight_gradient[i] += partial[static_cast<size_t>(part * d + i)];
  }
}

void GatedSiluRows(const float* gate_up, int64_t m, int64_t f, float* out) {
  const KernelTable& kernels = Kernels();
  ForRows(m, 4 * f, [&](int64_t row) {
    const float* gate = gate_up + row * 2 * f;
    kernels.gated_silu(gate, gate + f, f, out + row * f);
  });
}

void GatedSiluBackwardRows(
    const float* gate_up, int64_t m, int64_t f, const float* gradient, float* out) {
  const KernelTable& kernels = Kernels();
  ForRows(m, 8 * f, [&](int64_t row) {
    const float* gate = gate_up + row * 2 * f;
    float* target = out + row * 2 * f;
    kernels.gated_silu_backward(gate, gate + f, gradient + row * f, f, target, target + f);
  });
}

void RotateHeads(float* x, int64_t m, const HeadRotation& rotation) {
  const KernelTable& kernels = Kernels();
  const int64_t width = rotation.width, half = width / 2;
  ForRows(m, rotation.row_heads * width, [&](int64_t row) {
    const float* cos = rotation.cos + row * rotation.angle_stride;
    const float* sin = rotation.sin + row * rotation.angle_stride;
    for (int64_t head = 0; head < rotation.q_heads + rotation.k_heads; ++head) {
      float* values = x + (row * rotation.row_heads + head) * width;
      const float* norm = head < rotation.q_heads ? rotation.q_norm_E : rotation.k_norm_E;
      if (norm != nullptr) kernels.rms_norm(values, norm, width, rotation.eps, values);
      kernels.rotate(values, cos, sin, half);
    }
  });
}

}  // namespace convrec::kernels
