// ExperienceService of proto/experience.proto over a GroupLedger and a PromptBook.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/domain/lease.h"
#include "libs/domain/rollout.h"
#include "libs/domain/run_identity.h"
#include "libs/telemetry/metrics.h"
#include "services/learner/experience/group_ledger.h"
#include "services/learner/experience/prompt_book.h"

namespace grpc {
class Service;
}

namespace convrec::learner {

// Thread-safe.
class ExperienceService {
 public:
  struct Options {
    std::string run;  // The run's name.
    // What workers are told and must match; empty digests are not compared.
    domain::RunDigests digests;
    std::string reward_rules;  // Describes in one line the rules that digests.rules covers.
    int num_ranks = 20;
    int vocab_size = 0;
    bool counts_ranks_by_line = true;
    bool constrained = false;  // Some leases are constrained: workers load the catalog.
    bool numbered_lists = false;
    // Refuses a group that cannot be used for training; empty = none is refused. Any thread.
    std::function<absl::Status(const domain::RolloutGroup&)> check_shape = {};
    // Refuses a well-formed group that could not have been sampled for its lease; empty = none is
    // refused. Any thread.
    std::function<absl::Status(const domain::Lease&, const domain::RolloutGroup&)> check_group = {};
    // A group has been set aside; see GroupLedger. Any thread.
    std::function<void(const GroupLedger::SetAside&)> set_aside = {};
  };

  // All pointers must outlive the service. It serves the start of the run that `prompts` has.
  static std::unique_ptr<ExperienceService> Create(const Options& options,
                                                   GroupLedger* ledger,
                                                   const PromptBook* prompts,
                                                   telemetry::Metrics* metrics);
  virtual ~ExperienceService() = default;

  virtual grpc::Service* service() = 0;
  // From now on leases are empty and announce that there will be no more work. Waits until every
  // worker that called recently has been told, at most `grace`.
  virtual void CompleteRun(absl::Duration grace) = 0;
  // Calls that wait, now or later, are answered at once: the server is about to end.
  virtual void EndWaits() = 0;
  // Workers that called in the last minute.
  virtual int num_workers() const = 0;
};

}  // namespace convrec::learner
