// Linear maps for training on the CPU: forward products and both gradients use the kernels of
// sampling, in float32 or with bfloat16 factors and float32 sums. Weights are repacked for every
// product, which costs little compared with hundreds of rows.
//
// A norm or gate between two products is part of the map and is recomputed in the backward pass, so
// only the output of one product is kept for the next. Shapes: M rows, K input width of the
// product, N output width.
#pragma once

#include <ATen/core/Tensor.h>

#include "libs/kernels/panel_matrix.h"

namespace convrec::model {

// How the product reads x.
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

// Whether CpuLinear() supports tensors like this one.
bool HasCpuLinear(const at::Tensor& x);

// input W^T, plus bias and sum if they are defined; differentiable in every tensor. If no gradients
// are recorded, `sum` is changed in place and returned.
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
