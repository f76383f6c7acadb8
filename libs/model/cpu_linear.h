// Linear maps of training on the CPU: forward products and both gradients through the kernels that
// sampling uses, in float32 or with bfloat16 factors and float32 sums. Weights are packed anew for
// every product, which costs little beside hundreds of rows.
//
// What stands between two products, a norm or a gate, is part of the map and computed again in the
// backward pass, so that only what one product gives the next is kept. Shapes: M rows, K input
// width of the product, N output width.
#pragma once

#include <ATen/core/Tensor.h>

#include "libs/kernels/panel_matrix.h"

namespace convrec::model {

// What the product reads of x.
struct LinearInput {
  enum class Kind {
    kPlain,      // x [M, K]
    kNormed,     // rms_norm(x) [M, K]
    kGatedSilu,  // silu(first half) * second half of x [M, 2K]
  };
  Kind kind = Kind::kPlain;
  at::Tensor x;
  at::Tensor norm_weight_K = {};  // kNormed.
  double eps = 0;
};

// Whether CpuLinear() takes tensors like this one.
bool HasCpuLinear(const at::Tensor& x);

// input W^T, plus bias and sum where they are defined; differentiable in every tensor. Without
// gradients to record, `sum` is changed in place and returned.
at::Tensor CpuLinear(const LinearInput& input,
                     const at::Tensor& weight_NK,
                     const at::Tensor& bias_N,
                     at::Tensor sum_MN,
                     kernels::PanelType type);

// The products, on contiguous float32 tensors. Each adds to `out` or sets it.
// out [M, N] = x W^T
void MultiplyByTranspose(const at::Tensor& x_MK,
                         const at::Tensor& weight_NK,
                         const at::Tensor& bias_N,
                         bool add,
                         kernels::PanelType type,
                         at::Tensor* out_MN);
// out [M, K] = y W
void MultiplyByMatrix(const at::Tensor& y_MN,
                      const at::Tensor& weight_NK,
                      bool add,
                      kernels::PanelType type,
                      at::Tensor* out_MK);
// out [N, K] = y^T x
void MultiplyTransposed(const at::Tensor& y_MN,
                        const at::Tensor& x_MK,
                        bool add,
                        kernels::PanelType type,
                        at::Tensor* out_NK);

}  // namespace convrec::model
