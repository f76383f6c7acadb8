#include "services/learner/run/publication.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/channel.h"
#include "services/learner/publish/snapshot_source.h"

namespace convrec::learner {
namespace {

constexpr size_t kCanaries = 2;
constexpr size_t kCanaryTokens = 64;

}  // namespace

std::vector<std::vector<int32_t>> CanaryTexts(const std::vector<domain::Prompt>& prompts) {
  std::vector<std::vector<int32_t>> texts;
  for (size_t i = 0; i < std::min(prompts.size(), kCanaries); ++i) {
    std::vector<int32_t> text = prompts[i].token_ids;
    text.resize(std::min(text.size(), kCanaryTokens));
    if (text.size() >= 2) texts.push_back(std::move(text));
  }
  return texts;
}

Publication::Publication(const config::RunOptions& options,
                         domain::RunEpoch epoch,
                         telemetry::Metrics* metrics)
    : options_(options),
      epoch_(epoch),
      metrics_(metrics),
      store_(options.learner.publish.delta_bases) {}

absl::StatusOr<std::unique_ptr<Publication>> Publication::Create(const config::RunOptions& options,
                                                                 domain::RunEpoch epoch,
                                                                 telemetry::Metrics* metrics) {
  std::unique_ptr<Publication> publication(new Publication(options, epoch, metrics));
  if (options.learner.publish.shared_memory) publication->OpenSharedMemory();
  if (options.learner.publish.broadcast) CR_RETURN_IF_ERROR(publication->OpenBroadcasts());
  publication->MakeService();
  return publication;
}

void Publication::OpenSharedMemory() {
  std::error_code error;
  const std::filesystem::path run = std::filesystem::weakly_canonical(options_.run_dir, error);
  absl::StatusOr<std::unique_ptr<weights::SegmentWriter>> writer =
      weights::SegmentWriter::Create(run.empty() ? options_.run_dir : run.string(), epoch_);
  if (writer.ok()) {
    segments_ = *std::move(writer);
  } else {
    CR_LOG(WARNING) << writer.status().message() << "; all workers fetch over gRPC";
  }
}

absl::Status Publication::OpenBroadcasts() {
  CR_ASSIGN_OR_RETURN(broadcast_store_, collective::BroadcastStore::Serve());
  const std::string& device = options_.model.device;
  broadcaster_ = std::make_unique<WeightBroadcaster>(WeightBroadcaster::Options{
      .backend = collective::BroadcastBackend(device),
      .port = broadcast_store_->port(),
      .join = collective::JoinByDevice(device, rpc::IsLoopback(options_.learner.listen)),
      .first_generation = epoch_.value << 32});
  return absl::OkStatus();
}

void Publication::MakeService() {
  service_ = PolicyService::Create(
      &store_,
      segments_.get(),
      broadcaster_.get(),
      epoch_,
      {.fanout = options_.learner.publish.fanout},
      {.live = [this](
                   const std::string& worker,
                   domain::PolicyVersion version) { metrics_.ObserveLive(worker, version.value); },
       .sent =
           [this](weights::Encoding encoding, uint64_t size_bytes) {
             metrics_.ObserveSent(encoding == weights::Encoding::kDelta, size_bytes);
           },
       .digest_mismatch = [this](const std::string&) { metrics_.ObserveMismatch(); }});
}

void Publication::Publish(const model::Decoder& decoder,
                          domain::PolicyVersion version,
                          const std::vector<std::vector<int32_t>>& texts) {
  const std::string dtype = options_.model.wire_type == config::WireType::kBf16 ? "BF16" : "F32";
  if (!decoder.lora().is_on()) {
    store_.Publish(TakeSnapshot(decoder, epoch_, version, dtype, texts, memory_));
    return;
  }
  if (store_.Get(weights::kBaseVersion) == nullptr)
    store_.SetBase(TakeSnapshot(decoder, epoch_, weights::kBaseVersion, dtype));
  const std::string base = store_.Get(weights::kBaseVersion)->manifest.digest;
  store_.Publish(TakeAdapterSnapshot(decoder, epoch_, version, base, texts, memory_));
}

}  // namespace convrec::learner
