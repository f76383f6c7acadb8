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

// Generations of broadcast groups differ between the starts of a run, and between runs: a worker
// that has come from another one is a member of none of them.
int64_t FirstGeneration(domain::RunEpoch epoch) {
  const auto run = static_cast<int64_t>(epoch.run.low & 0x3fffffff);
  return (run + epoch.value) << 32;
}

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
                         const domain::RunIdentity& identity,
                         telemetry::Metrics* metrics)
    : options_(options),
      identity_(identity),
      metrics_(metrics),
      store_(options.learner.publish.delta_bases) {}

absl::StatusOr<std::unique_ptr<Publication>> Publication::Create(
    const config::RunOptions& options,
    const domain::RunIdentity& identity,
    telemetry::Metrics* metrics) {
  std::unique_ptr<Publication> publication(new Publication(options, identity, metrics));
  if (options.learner.publish.shared_memory) publication->OpenSharedMemory();
  if (options.learner.publish.broadcast) CR_RETURN_IF_ERROR(publication->OpenBroadcasts());
  publication->MakeService();
  return publication;
}

void Publication::OpenSharedMemory() {
  std::error_code error;
  const std::filesystem::path run = std::filesystem::weakly_canonical(options_.run_dir, error);
  absl::StatusOr<std::unique_ptr<weights::SegmentWriter>> writer = weights::SegmentWriter::Create(
      run.empty() ? options_.run_dir : run.string(), identity_.epoch);
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
      .first_generation = FirstGeneration(identity_.epoch)});
  return absl::OkStatus();
}

void Publication::MakeService() {
  service_ = PolicyService::Create(
      &store_,
      segments_.get(),
      broadcaster_.get(),
      identity_,
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
    store_.Publish(TakeSnapshot(decoder, identity_.epoch, version, dtype, texts, memory_));
    return;
  }
  if (store_.Get(weights::kBaseVersion) == nullptr)
    store_.SetBase(TakeSnapshot(decoder, identity_.epoch, weights::kBaseVersion, dtype));
  const std::string base = store_.Get(weights::kBaseVersion)->manifest.digest;
  store_.Publish(TakeAdapterSnapshot(decoder, identity_.epoch, version, base, texts, memory_));
}

}  // namespace convrec::learner
