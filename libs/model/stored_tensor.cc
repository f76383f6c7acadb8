#include "libs/model/stored_tensor.h"

#include <torch/types.h>

#include <cstring>

namespace convrec::model {
namespace {

at::ScalarType ScalarTypeOf(const std::string& dtype) {
  if (dtype == "F32") return at::kFloat;
  return dtype == "F16" ? at::kHalf : at::kBFloat16;
}

}  // namespace

at::Tensor AsTensor(const TensorView& view) {
  const at::ScalarType type = ScalarTypeOf(view.dtype);
  const size_t width = c10::elementSize(type);
  if (reinterpret_cast<uintptr_t>(view.bytes.data()) % width != 0) {
    at::Tensor copy = at::empty(view.shape, type);
    std::memcpy(copy.data_ptr(), view.bytes.data(), view.bytes.size());
    return copy;
  }
  return at::from_blob(
      const_cast<uint8_t*>(view.bytes.data()), view.shape, at::TensorOptions().dtype(type));
}

absl::Status CopyOut(const at::Tensor& tensor, float* out) {
  const at::NoGradGuard no_grad;
  at::from_blob(out, tensor.sizes(), at::TensorOptions().dtype(at::kFloat)).copy_(tensor);
  return absl::OkStatus();
}

}  // namespace convrec::model
