#include "services/rollout/policy/adapter_merge.h"

#include <cstring>
#include <string>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "libs/base/bfloat16.h"
#include "libs/kernels/low_rank.h"
#include "libs/model/lora.h"

namespace convrec::rollout {
namespace {

const float* Floats(const weights::Snapshot& snapshot, const weights::TensorEntry& entry) {
  return reinterpret_cast<const float*>(snapshot.bytes.data() + entry.offset);
}

void Widen(const weights::Snapshot& base, const weights::TensorEntry& entry, float* out) {
  const char* source = base.bytes.data() + entry.offset;
  if (entry.dtype == "F32") {
    std::memcpy(out, source, entry.size_bytes);
    return;
  }
  for (uint64_t i = 0; i < entry.size_bytes / 2; ++i) {
    uint16_t bits = 0;
    std::memcpy(&bits, source + 2 * i, sizeof(bits));
    out[i] = base::FromBfloat16(bits);
  }
}

// [N, K] = [N, R] x [R, K], with tensors of 4 bytes that lie at multiples of 4.
bool FitTogether(const weights::TensorEntry& whole,
                 const weights::TensorEntry& a,
                 const weights::TensorEntry& b) {
  return whole.shape.size() == 2 && a.shape.size() == 2 && b.shape.size() == 2 &&
         a.dtype == "F32" && b.dtype == "F32" && a.shape[0] == b.shape[1] &&
         b.shape[0] == whole.shape[0] && a.shape[1] == whole.shape[1];
}

}  // namespace

absl::StatusOr<MergedWeights> MergeAdapter(const weights::Snapshot& base,
                                           const weights::Snapshot& adapter,
                                           weights::BufferPool* pool) {
  std::unordered_map<std::string, const weights::TensorEntry*> of_adapter;
  for (const weights::TensorEntry& entry : adapter.manifest.tensors)
    of_adapter[entry.name] = &entry;
  struct Pair {
    size_t tensor;
    const weights::TensorEntry* a;
    const weights::TensorEntry* b;
  };
  std::vector<Pair> pairs;
  MergedWeights result;
  uint64_t size = 0;
  for (const weights::TensorEntry& entry : base.manifest.tensors) {
    result.tensors.push_back({entry, base.bytes.data() + entry.offset});
    const model::PairNames names = model::AdapterNames(entry.name);
    const auto a = of_adapter.find(names.a), b = of_adapter.find(names.b);
    if (a == of_adapter.end() || b == of_adapter.end()) continue;
    if (!FitTogether(entry, *a->second, *b->second)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the adapter of ", entry.name, " has another shape than its base"));
    }
    pairs.push_back({result.tensors.size() - 1, a->second, b->second});
    size += weights::ElementBytes("F32") * static_cast<uint64_t>(entry.shape[0] * entry.shape[1]);
  }
  if (2 * pairs.size() != of_adapter.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("an adapter of ", of_adapter.size(), " tensors belongs to another base"));
  }
  result.merged = pool->Take(size);
  char* next = result.merged.data();
  for (const Pair& pair : pairs) {
    MergedWeights::Tensor& tensor = result.tensors[pair.tensor];
    float* out = reinterpret_cast<float*>(next);
    Widen(base, tensor.entry, out);
    kernels::MergeLowRank(Floats(adapter, *pair.b),
                          Floats(adapter, *pair.a),
                          tensor.entry.shape[0],
                          tensor.entry.shape[1],
                          pair.a->shape[0],
                          adapter.manifest.scale,
                          out);
    tensor.entry.dtype = "F32";
    tensor.entry.size_bytes = weights::ElementBytes("F32") *
                              static_cast<uint64_t>(tensor.entry.shape[0] * tensor.entry.shape[1]);
    tensor.data = next;
    next += tensor.entry.size_bytes;
  }
  return result;
}

}  // namespace convrec::rollout
