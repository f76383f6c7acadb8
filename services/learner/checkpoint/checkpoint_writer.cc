#include "services/learner/checkpoint/checkpoint_writer.h"

#include <utility>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"

namespace convrec::learner {

CheckpointWriter::~CheckpointWriter() { Finish().IgnoreError(); }

absl::Status CheckpointWriter::Begin(const CheckpointOptions& options,
                                     const model::Decoder& policy,
                                     std::optional<OptimizerState> optimizer,
                                     std::function<void(absl::Duration)> on_written) {
  CR_RETURN_IF_ERROR(Finish());
  if (copy_ == nullptr) {
    model::DecoderOptions host;
    host.random_values = false;
    CR_ASSIGN_OR_RETURN(copy_, model::MakeDecoder(policy.config(), host));
  }
  CR_RETURN_IF_ERROR(copy_->Load(policy.parameters()));
  has_ended_ = false;
  thread_ = std::thread(
      [this, options, optimizer = std::move(optimizer), on_written = std::move(on_written)] {
        const absl::Time start = absl::Now();
        status_ = WriteCheckpoint(options, *copy_, optimizer ? &*optimizer : nullptr);
        if (status_.ok() && on_written) on_written(absl::Now() - start);
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
