// The parts that only the leader has: run log, metrics and services, and the parts of the loops
// built on them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/config/run_options.h"
#include "libs/telemetry/metrics.h"
#include "services/learner/loop/learner_parts.h"
#include "services/learner/run/best_policy.h"
#include "services/learner/run/leader_services.h"
#include "services/learner/run/learner_metrics.h"
#include "services/learner/run/ledger_batches.h"
#include "services/learner/run/ledger_evaluator.h"
#include "services/learner/run/run_inputs.h"
#include "services/learner/run/run_reporter.h"
#include "services/learner/run/start_up.h"

namespace convrec::learner {

class LeaderSeat final {
 public:
  // Listens, but reports that it is not serving. `inputs`, `metrics` and `activity` must outlive
  // this object.
  static absl::StatusOr<std::unique_ptr<LeaderSeat>> Create(const config::RunOptions& options,
                                                            RunStart start,
                                                            const RunInputs& inputs,
                                                            telemetry::Metrics* metrics,
                                                            ActivityBoard* activity);
  LeaderSeat(const LeaderSeat&) = delete;

  const RunStart& start() const { return start_; }
  LeaderServices* services() { return services_.get(); }
  const LearnerMetrics& metrics() const { return metrics_; }
  BestPolicy* best() { return &best_; }
  // Texts used as canaries for every version.
  const std::vector<std::vector<int32_t>>& canaries() const { return canaries_; }
  LeaderParts* parts() { return &parts_; }

 private:
  LeaderSeat(const config::RunOptions& options,
             RunStart start,
             const RunInputs& inputs,
             std::unique_ptr<LeaderServices> services,
             telemetry::Metrics* metrics,
             ActivityBoard* activity);

  const RunStart start_;
  const std::unique_ptr<LeaderServices> services_;
  const LearnerMetrics metrics_;
  BestPolicy best_;
  const std::vector<std::vector<int32_t>> canaries_;
  RunReporter reporter_;
  LedgerEvaluator evaluator_;
  LedgerBatches batches_;
  LeaderParts parts_;
};

}  // namespace convrec::learner
