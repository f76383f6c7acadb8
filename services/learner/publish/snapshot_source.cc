#include "services/learner/publish/snapshot_source.h"

#include <ATen/core/grad_mode.h>
#include <torch/types.h>

#include <cstring>
#include <span>

#include "libs/base/check.h"
#include "libs/base/digest.h"
#include "services/learner/train/group_forward.h"

namespace convrec::learner {

namespace {

domain::Canary MakeCanary(const model::Decoder& decoder, const std::vector<int32_t>& token_ids) {
  CR_CHECK(token_ids.size() >= 2);
  const std::span<const int32_t> tokens(token_ids);
  const at::Tensor logprob_M =
      ForwardGroups(decoder, {{.prompt = tokens.first(1), .completions = {tokens.subspan(1)}}}, {})
          .logprob_M.to(at::kCPU)
          .contiguous();
  const float* values = logprob_M.const_data_ptr<float>();
  return {token_ids, {values, values + logprob_M.numel()}};
}

}  // namespace

std::shared_ptr<const PolicySnapshot> TakeSnapshot(const model::Decoder& decoder,
                                                   domain::PolicyVersion version,
                                                   const std::string& dtype,
                                                   const std::vector<std::vector<int32_t>>& texts) {
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
  for (const std::vector<int32_t>& text : texts) snapshot->canaries.push_back(MakeCanary(decoder, text));
  return snapshot;
}

}  // namespace convrec::learner
