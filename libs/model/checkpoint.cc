// Decoders from and to Hugging Face directories.
#include <torch/types.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/model/decoder.h"
#include "libs/model/weight_files.h"

namespace convrec::model {
namespace {

at::ScalarType ScalarTypeOf(const std::string& dtype) {
  if (dtype == "F32") return at::kFloat;
  return dtype == "F16" ? at::kHalf : at::kBFloat16;
}

// A tensor over the mapped bytes, or over a copy of them where they are not aligned.
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

}  // namespace

absl::StatusOr<std::unique_ptr<Decoder>> LoadDecoder(const std::string& directory,
                                                     const DecoderOptions& options,
                                                     bool allow_random) {
  CR_ASSIGN_OR_RETURN(const ModelConfig config,
                      ReadModelConfig(base::JoinPath(directory, "config.json")));
  if (allow_random && !HasWeightFiles(directory)) return MakeDecoder(config, options);
  CR_ASSIGN_OR_RETURN(const WeightFiles files, WeightFiles::Open(directory, config));
  DecoderOptions empty = options;
  empty.random_values = false;
  CR_ASSIGN_OR_RETURN(std::unique_ptr<Decoder> decoder, MakeDecoder(config, empty));
  std::vector<NamedTensor> tensors;
  for (const TensorView& view : files.tensors()) tensors.push_back({view.name, AsTensor(view)});
  CR_RETURN_IF_ERROR(decoder->Load(tensors));
  return decoder;
}

absl::Status SaveDecoder(const Decoder& decoder,
                         const std::string& directory,
                         const std::string& dtype) {
  std::vector<TensorSource> sources;
  ParameterReader reader(decoder);
  for (size_t i = 0; i < decoder.parameters().size(); ++i) {
    const NamedTensor& parameter = decoder.parameters()[i];
    sources.push_back({parameter.name, parameter.tensor.sizes().vec(), [&reader, i](float* out) {
                         return CopyOut(reader.Read(i), out);
                       }});
  }
  CR_RETURN_IF_ERROR(WriteWeightFiles(directory, sources, dtype));
  return base::WriteFileAtomically(
      base::JoinPath(directory, "config.json"),
      ToConfigJson(decoder.config(), dtype == "BF16" ? "bfloat16" : "float32"));
}

}  // namespace convrec::model
