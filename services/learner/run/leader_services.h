// The leader's gRPC server: hands out leases, takes groups, serves weights.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/config/run_options.h"
#include "libs/rpc/server.h"
#include "libs/telemetry/metrics.h"
#include "services/learner/batch/objective.h"
#include "services/learner/experience/experience_service.h"
#include "services/learner/experience/group_ledger.h"
#include "services/learner/experience/prompt_book.h"
#include "services/learner/run/publication.h"
#include "services/learner/run/run_inputs.h"
#include "services/learner/run/start_up.h"

namespace convrec::learner {

class LeaderServices final {
 public:
  // Listens, but reports that it is not serving. Groups that an earlier start left untrained are
  // handed out first. `inputs` and `metrics` must outlive this object.
  static absl::StatusOr<std::unique_ptr<LeaderServices>> Create(const config::RunOptions& options,
                                                                const RunStart& start,
                                                                const RunInputs& inputs,
                                                                telemetry::Metrics* metrics);
  ~LeaderServices();
  LeaderServices(const LeaderServices&) = delete;

  GroupLedger* ledger() { return &ledger_; }
  PromptBook* prompts() { return &prompts_; }
  Publication* publication() { return publication_.get(); }
  int num_workers() const { return experience_->num_workers(); }
  const rpc::Server& server() const { return *server_; }

  // Starts serving workers. From here on a stop signal ends the waits of the ledger.
  void Serve();

  // `is_complete`: tells workers, for up to 10 s, that there will be no more work.
  void ShutDown(bool is_complete);

 private:
  LeaderServices(const config::RunOptions& options,
                 const RunStart& start,
                 const RunInputs& inputs,
                 telemetry::Metrics* metrics);

  const Objective objective_;
  PromptBook prompts_;
  GroupLedger ledger_;
  std::unique_ptr<Publication> publication_;
  std::unique_ptr<ExperienceService> experience_;
  std::unique_ptr<rpc::Server> server_;
  std::thread stop_watch_;  // Ends waits when a signal arrives.
  std::atomic<bool> watch_ended_{false};
};

}  // namespace convrec::learner
