#include "services/learner/publish/snapshot_source.h"

#include <ATen/core/grad_mode.h>
#include <torch/types.h>

#include <cstring>

#include "libs/base/check.h"
#include "libs/base/digest.h"
#include "libs/model/chunked_logprob.h"
#include "libs/model/group_attention.h"

namespace convrec::learner {

namespace {

domain::Canary MakeCanary(const model::Decoder& decoder, const std::vector<int32_t>& token_ids) {
  const auto count = static_cast<int64_t>(token_ids.size());
  CR_CHECK(count >= 2);
  const model::GroupLayout layout(
      std::vector<model::GroupShape>{{.prompt_tokens = count, .completion_tokens = {}}});
  const at::Device device = decoder.device();
  const at::Tensor ids_M =
      torch::tensor(std::vector<int64_t>(token_ids.begin(), token_ids.end()), at::kLong).to(device);
  const auto attention = model::MakeGroupAttention(layout, device);
  const at::Tensor hidden_MD =
      decoder.Trunk(ids_M, torch::tensor(layout.positions, at::kLong).to(device), attention.get());
  const at::Tensor logprobs =
      model::ChunkedLogprob(
          hidden_MD.narrow(0, 0, count - 1), decoder.head_weight_VD(), ids_M.narrow(0, 1, count - 1), 1.0)
          .logprob_M.to(at::kCPU)
          .contiguous();
  const float* values = logprobs.const_data_ptr<float>();
  return {token_ids, {values, values + count - 1}};
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
