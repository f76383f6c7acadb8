// Publication of weights: the services that workers fetch weights from, over shared memory,
// broadcasts and gRPC as configured.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/collective/broadcast_group.h"
#include "libs/config/run_options.h"
#include "libs/domain/ids.h"
#include "libs/domain/prompt.h"
#include "libs/domain/run_identity.h"
#include "libs/model/decoder.h"
#include "libs/telemetry/metrics.h"
#include "libs/weights/byte_buffer.h"
#include "libs/weights/shared_segment.h"
#include "services/learner/publish/policy_service.h"
#include "services/learner/publish/policy_store.h"
#include "services/learner/publish/weight_broadcaster.h"
#include "services/learner/run/publish_metrics.h"

namespace convrec::learner {

// The beginnings of the first prompts: texts for canaries, independent of the step.
std::vector<std::vector<int32_t>> CanaryTexts(const std::vector<domain::Prompt>& prompts);

// Thread-safe once created.
class Publication final {
 public:
  // `metrics` must outlive this object, and this object must outlive a server of its services.
  static absl::StatusOr<std::unique_ptr<Publication>> Create(const config::RunOptions& options,
                                                             const domain::RunIdentity& identity,
                                                             telemetry::Metrics* metrics);

  std::vector<grpc::Service*> services() { return service_->services(); }

  // Publishes the decoder's weights, or its adapter (with the base of the first call), as the
  // newest version; `texts` become canaries.
  void Publish(const model::Decoder& decoder,
               domain::PolicyVersion version,
               const std::vector<std::vector<int32_t>>& texts);

  // Calls of workers that wait, now or later, are answered at once: the server is about to end.
  void EndWaits() { service_->EndWaits(); }

 private:
  Publication(const config::RunOptions& options,
              const domain::RunIdentity& identity,
              telemetry::Metrics* metrics);
  void OpenSharedMemory();
  absl::Status OpenBroadcasts();
  void MakeService();

  const config::RunOptions options_;
  const domain::RunIdentity identity_;
  PublishMetrics metrics_;
  PolicyStore store_;
  // Memory of the last dropped version, reused by the next one.
  const std::shared_ptr<weights::BufferPool> memory_ = std::make_shared<weights::BufferPool>();
  std::unique_ptr<weights::SegmentWriter> segments_;             // Null without shared memory.
  std::unique_ptr<collective::BroadcastStore> broadcast_store_;  // Null without broadcasts.
  std::unique_ptr<WeightBroadcaster> broadcaster_;               // The same.
  std::unique_ptr<PolicyService> service_;
};

}  // namespace convrec::learner
