#include "services/learner/checkpoint/checkpoint_writer.h"

#include <utility>

#include "libs/base/monotonic.h"
#include "libs/base/status_macros.h"
#include "services/learner/checkpoint/export_model.h"

namespace convrec::learner {
namespace {

// `shards` is null for a checkpoint without optimizer.
absl::Status Write(const model::Decoder& policy,
                   const ModelCompanions& companions,
                   RankShards* shards,
                   checkpoint::UnfinishedCheckpoint* checkpoint) {
  CR_RETURN_IF_ERROR(policy.lora().is_on() ? ExportAdapter(policy, companions, checkpoint->path())
                                           : ExportModel(policy, companions, checkpoint->path()));
  std::vector<checkpoint::CheckpointFile> described;
  if (shards != nullptr) {
    CR_ASSIGN_OR_RETURN(described, shards->Finish());
  }
  return checkpoint->Commit(described);
}

}  // namespace

CheckpointWriter::~CheckpointWriter() { Finish().IgnoreError(); }

absl::Status CheckpointWriter::CopyModel(const model::Decoder& policy) {
  if (copy_ == nullptr) {
    model::DecoderOptions host;
    host.random_values = false;
    if (policy.lora().is_on()) {
      // What is written is the adapter, so that the copy does with the policy's own parameters.
      host.device = policy.device().str();
      host.lora = policy.lora();
      host.base = &policy;
    }
    CR_ASSIGN_OR_RETURN(copy_, model::MakeDecoder(policy.config(), host));
  }
  if (policy.lora().is_on()) return copy_->LoadAdapter(policy.adapter());
  model::CopyParameters(policy, copy_.get());
  return absl::OkStatus();
}

absl::Status CheckpointWriter::Begin(const checkpoint::CheckpointOptions& options,
                                     const model::Decoder& policy,
                                     const Trainer* trainer,
                                     std::function<void(absl::Duration)> on_written) {
  CR_RETURN_IF_ERROR(Finish());
  CR_ASSIGN_OR_RETURN(checkpoint::UnfinishedCheckpoint created,
                      checkpoint::UnfinishedCheckpoint::Create(options));
  auto checkpoint = std::make_unique<checkpoint::UnfinishedCheckpoint>(std::move(created));
  CR_RETURN_IF_ERROR(CopyModel(policy));
  RankShards* shards = nullptr;
  if (trainer != nullptr) {
    shards = shards_;
    checkpoint->SetOptimizer(trainer->num_updates());
    CR_RETURN_IF_ERROR(shards->Begin(checkpoint->path(), *trainer));
  }
  has_ended_ = false;
  thread_ = std::thread([this,
                         shards,
                         companions = ModelCompanions{options.source_directory, options.prompt},
                         checkpoint = std::move(checkpoint),
                         on_written = std::move(on_written)]() mutable {
    const absl::Time start = base::MonotonicNow();
    status_ = Write(*copy_, companions, shards, checkpoint.get());
    checkpoint.reset();  // A folder that is not whole is gone when the error is told.
    if (status_.ok() && on_written) on_written(base::MonotonicNow() - start);
    has_ended_ = true;
  });
  return absl::OkStatus();
}

absl::Status CheckpointWriter::Poll() { return has_ended_ ? Finish() : absl::OkStatus(); }

absl::Status CheckpointWriter::Finish() {
  if (thread_.joinable()) thread_.join();
  return std::exchange(status_, absl::OkStatus());
}

}  // namespace convrec::learner
