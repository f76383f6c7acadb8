#include "services/learner/publish/snapshot_source.h"

#include <ATen/core/grad_mode.h>
#include <torch/types.h>

#include <cstring>
#include <functional>
#include <span>

#include "libs/base/check.h"
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

// `read` gives the values of each in turn.
std::shared_ptr<weights::Snapshot> Pack(const std::vector<model::NamedTensor>& tensors,
                                        const std::function<at::Tensor(size_t)>& read,
                                        domain::RunEpoch epoch,
                                        domain::PolicyVersion version,
                                        const std::string& dtype,
                                        const std::shared_ptr<weights::BufferPool>& pool) {
  const uint64_t element = weights::ElementBytes(dtype);
  CR_CHECK(element > 0, dtype);
  const at::NoGradGuard no_grad;
  const std::shared_ptr<weights::Snapshot> snapshot = weights::PooledSnapshot(pool);
  weights::Manifest& manifest = snapshot->manifest;
  manifest.epoch = epoch;
  manifest.version = version;
  for (const auto& [name, tensor] : tensors) {
    manifest.tensors.push_back({.name = name,
                                .dtype = dtype,
                                .shape = tensor.sizes().vec(),
                                .offset = manifest.size_bytes,
                                .size_bytes = tensor.numel() * element,
                                .digest = {}});
    manifest.size_bytes += manifest.tensors.back().size_bytes;
  }
  snapshot->bytes =
      pool ? pool->Take(manifest.size_bytes) : weights::ByteBuffer(manifest.size_bytes);
  const at::TensorOptions type(dtype == "BF16" ? at::kBFloat16 : at::kFloat);
  for (size_t i = 0; i < tensors.size(); ++i) {
    // Converts straight into the snapshot.
    const weights::TensorEntry& entry = manifest.tensors[i];
    at::from_blob(snapshot->bytes.data() + entry.offset, entry.shape, type).copy_(read(i));
  }
  weights::Seal(snapshot.get());
  return snapshot;
}

void AddCanaries(const model::Decoder& decoder,
                 const std::vector<std::vector<int32_t>>& texts,
                 weights::Manifest* manifest) {
  const at::NoGradGuard no_grad;
  for (const std::vector<int32_t>& text : texts)
    manifest->canaries.push_back(MakeCanary(decoder, text));
}

}  // namespace

std::shared_ptr<const weights::Snapshot> TakeSnapshot(
    const model::Decoder& decoder,
    domain::RunEpoch epoch,
    domain::PolicyVersion version,
    const std::string& dtype,
    const std::vector<std::vector<int32_t>>& texts,
    const std::shared_ptr<weights::BufferPool>& pool) {
  std::shared_ptr<weights::Snapshot> snapshot;
  {
    model::ParameterReader reader(decoder);
    const auto read = [&reader](size_t i) { return reader.Read(i); };
    snapshot = Pack(decoder.parameters(), read, epoch, version, dtype, pool);
  }
  AddCanaries(decoder, texts, &snapshot->manifest);
  return snapshot;
}

std::shared_ptr<const weights::Snapshot> TakeAdapterSnapshot(
    const model::Decoder& decoder,
    domain::RunEpoch epoch,
    domain::PolicyVersion version,
    const std::string& base_digest,
    const std::vector<std::vector<int32_t>>& texts,
    const std::shared_ptr<weights::BufferPool>& pool) {
  const auto read = [&decoder](size_t i) { return decoder.adapter()[i].tensor; };
  auto snapshot = Pack(decoder.adapter(), read, epoch, version, "F32", pool);
  snapshot->manifest.base_digest = base_digest;
  snapshot->manifest.scale = decoder.lora().scale();
  AddCanaries(decoder, texts, &snapshot->manifest);
  return snapshot;
}

}  // namespace convrec::learner
