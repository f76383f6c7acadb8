// What the leader serves: leases out and groups in, weights out, all over one gRPC server.
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
  // Listens, but says that it is not serving. What an earlier start has left untrained is handed
  // out first. `inputs` and `metrics` outlive this.
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

  // Workers are welcome. A stop signal ends the waits of the ledger from here on.
  void Serve();

  // `is_complete`: workers are told, for up to 10 s, that nothing will come any more.
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
  std::thread stop_watch_;  // Wakes waits when a signal comes.
  std::atomic<bool> watch_ended_{false};
};

}  // namespace convrec::learner
