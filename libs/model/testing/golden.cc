#include "libs/model/testing/golden.h"

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/model/safetensors.h"
#include "tests/support/paths.h"

namespace convrec::model {

std::string GoldenPath(const std::string& name) { return SourcePath("tests/golden/model/" + name); }

std::map<std::string, at::Tensor> ReadGolden(const std::string& path) {
  const absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(path);
  CR_CHECK(file.ok(), file.status().ToString());
  std::map<std::string, at::Tensor> tensors;
  for (const TensorView& view : file->tensors()) {
    CR_CHECK(view.dtype == "F32" || view.dtype == "I64", view.dtype);
    at::Tensor tensor = at::empty(view.shape, view.dtype == "F32" ? at::kFloat : at::kLong);
    std::memcpy(tensor.data_ptr(), view.bytes.data(), view.bytes.size());
    tensors[view.name] = tensor;
  }
  return tensors;
}

std::unique_ptr<Decoder> LoadGolden(const std::string& name, bool trainable) {
  at::set_num_threads(1);  // These models are far too small for several threads.
  absl::StatusOr<std::unique_ptr<Decoder>> decoder =
      LoadDecoder(GoldenPath(name), {.trainable = trainable});
  CR_CHECK(decoder.ok(), decoder.status().ToString());
  return std::move(*decoder);
}

at::Tensor RunTrunk(const Decoder& decoder, const GroupLayout& layout, const at::Tensor& ids_M) {
  const std::shared_ptr<Attention> attention = MakeGroupAttention(layout, decoder.device());
  return decoder.Trunk(ids_M, at::tensor(layout.positions, at::kLong), attention.get());
}

double MaxDifference(const at::Tensor& a, const at::Tensor& b) {
  CR_CHECK(a.sizes() == b.sizes());
  return a.numel() == 0 ? 0.0 : (a - b).abs().max().item<double>();
}

}  // namespace convrec::model
