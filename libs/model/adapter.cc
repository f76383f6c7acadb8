#include "libs/model/adapter.h"

#include <torch/types.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/digest.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/kernels/low_rank.h"
#include "libs/model/stored_tensor.h"

namespace convrec::model {
namespace {

// The leaves of the adapter of a parameter; null when it has none.
struct Pair {
  const NamedTensor* a = nullptr;
  const NamedTensor* b = nullptr;
};
Pair AdapterOf(const Decoder& decoder, const std::string& parameter) {
  const std::vector<NamedTensor>& adapter = decoder.adapter();
  const std::string a = AdapterNames(parameter).a;
  for (size_t i = 0; i < adapter.size(); i += 2) {
    if (adapter[i].name == a) return {&adapter[i], &adapter[i + 1]};
  }
  return {};
}

at::Tensor OnHost(const at::Tensor& tensor) {
  return tensor.detach().to(at::kCPU, at::kFloat).contiguous();
}

std::string Describe(const LoraConfig& lora) {
  std::vector<std::string> targets = lora.targets;
  std::sort(targets.begin(), targets.end());
  return absl::StrCat(
      "rank ", lora.rank, ", alpha ", lora.alpha, " and targets ", absl::StrJoin(targets, ", "));
}

}  // namespace

absl::Status SaveAdapter(const Decoder& decoder,
                         const std::string& directory,
                         const std::string& base) {
  std::vector<TensorSource> sources;
  for (const NamedTensor& leaf : decoder.adapter()) {
    sources.push_back({leaf.name, leaf.tensor.sizes().vec(), [&leaf](float* out) {
                         return CopyOut(leaf.tensor, out);
                       }});
  }
  CR_RETURN_IF_ERROR(
      WriteSafetensors(base::JoinPath(directory, kAdapterWeightsFile), sources, "F32"));
  return base::WriteFileAtomically(base::JoinPath(directory, kAdapterConfigFile),
                                   ToAdapterConfigJson(decoder.lora(), base));
}

absl::Status LoadAdapter(const std::string& directory, Decoder* decoder) {
  CR_ASSIGN_OR_RETURN(const LoraConfig stored, ReadAdapterConfig(directory));
  if (Describe(stored) != Describe(decoder->lora())) {
    return absl::InvalidArgumentError(absl::StrCat(directory,
                                                   ": the adapter has ",
                                                   Describe(stored),
                                                   ", expected ",
                                                   Describe(decoder->lora())));
  }
  const std::string path = base::JoinPath(directory, kAdapterWeightsFile);
  CR_ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Open(path));
  std::vector<NamedTensor> tensors;
  for (const TensorView& view : file.tensors()) {
    if (view.dtype != "F32" && view.dtype != "F16" && view.dtype != "BF16") {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": tensor ", view.name, " has dtype ", view.dtype, ", expected F32, F16 or BF16"));
    }
    tensors.push_back({view.name, AsTensor(view)});
  }
  return base::Annotate(decoder->LoadAdapter(tensors), path);
}

at::Tensor MergedValue(const Decoder& decoder, const NamedTensor& parameter) {
  const Pair pair = AdapterOf(decoder, parameter.name);
  at::Tensor value = OnHost(parameter.tensor);
  if (pair.a == nullptr) return value;
  value = value.clone();
  const at::Tensor a = OnHost(pair.a->tensor), b = OnHost(pair.b->tensor);
  kernels::MergeLowRank(b.const_data_ptr<float>(),
                        a.const_data_ptr<float>(),
                        value.size(0),
                        value.size(1),
                        a.size(0),
                        decoder.lora().scale(),
                        value.mutable_data_ptr<float>());
  return value;
}

std::string DigestOfParameters(const Decoder& decoder) {
  base::Digester digester;
  for (const NamedTensor& parameter : decoder.parameters()) {
    const at::Tensor value = OnHost(parameter.tensor);
    digester.Update(parameter.name.data(), parameter.name.size());
    digester.Update(value.const_data_ptr<float>(),
                    static_cast<size_t>(value.numel()) * sizeof(float));
  }
  return digester.Finish();
}

}  // namespace convrec::model
