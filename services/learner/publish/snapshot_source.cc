#include "services/learner/publish/snapshot_source.h"

#include <ATen/core/grad_mode.h>
#include <torch/types.h>

#include <cstring>

#include "libs/base/check.h"
#include "libs/base/digest.h"

namespace convrec::learner {

std::shared_ptr<const PolicySnapshot> TakeSnapshot(const model::Decoder& decoder,
                                                   domain::PolicyVersion version,
                                                   const std::string& dtype) {
  CR_CHECK(dtype == "F32" || dtype == "BF16", dtype);
  const at::NoGradGuard no_grad;
  auto snapshot = std::make_shared<PolicySnapshot>();
  snapshot->version = version;
  uint64_t size_bytes = 0;
  const uint64_t element = dtype == "BF16" ? 2 : 4;
  for (const auto& [name, tensor] : decoder.parameters()) size_bytes += tensor.numel() * element;
  snapshot->bytes.resize(size_bytes);
  uint64_t offset = 0;
  for (const auto& [name, tensor] : decoder.parameters()) {
    SnapshotTensor entry{.name = name,
                         .dtype = dtype,
                         .shape = tensor.sizes().vec(),
                         .offset = offset,
                         .size_bytes = tensor.numel() * element,
                         .digest = {}};
    // Converts straight into the snapshot.
    at::Tensor target =
        at::from_blob(snapshot->bytes.data() + offset,
                      entry.shape,
                      at::TensorOptions(dtype == "BF16" ? at::kBFloat16 : at::kFloat));
    target.copy_(tensor);
    entry.digest = base::DigestOf(snapshot->bytes.data() + offset, entry.size_bytes);
    offset += entry.size_bytes;
    snapshot->tensors.push_back(std::move(entry));
  }
  snapshot->digest = base::DigestOf(snapshot->bytes);
  return snapshot;
}

}  // namespace convrec::learner
