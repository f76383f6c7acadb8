// Converts tensors from and to the bytes of weight files.
#pragma once

#include <ATen/core/Tensor.h>

#include "absl/status/status.h"
#include "libs/model/safetensors.h"

namespace convrec::model {

// A tensor over the mapped bytes, or over a copy of them if they are not aligned. The dtype must be
// F32, F16 or BF16.
at::Tensor AsTensor(const TensorView& view);

// Copies the values to host memory as float32.
absl::Status CopyOut(const at::Tensor& tensor, float* out);

}  // namespace convrec::model
