// The worker's side of the learner's ExperienceService: work in and out.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/domain/lease.h"
#include "libs/domain/rollout.h"

namespace convrec::rollout {

struct WorkerIdentity {
  std::string worker;  // Unique name, as in "rollout-0".
  std::string catalog_digest;
  std::string tokenizer_digest;
  std::string reward_rules;
};

struct RunDescription {
  std::string run;
  domain::RunEpoch epoch;
  int num_ranks = 0;
  bool counts_ranks_by_line = true;  // False: by line breaks, as the reference does.
  bool constrained = false;          // Some leases ask for lists of catalog titles only.
  bool numbered_lists = false;       // How those are written: "1. Title (Year)".
};

enum class Admission { kAccepted, kDuplicate, kStale, kInvalid };

// Thread-safe. Calls retry while the learner is unreachable, until a stop is requested or Close()
// (Cancelled). FailedPrecondition means that the learner has started again: Join() anew.
class LearnerClient {
 public:
  virtual ~LearnerClient() = default;

  virtual absl::StatusOr<RunDescription> Join(const WorkerIdentity& identity) = 0;

  struct LeasedWork {
    std::vector<domain::Lease> leases;
    bool run_complete = false;
  };
  // Waits up to `wait` at the learner for the first lease.
  virtual absl::StatusOr<LeasedWork> Lease(domain::RunEpoch epoch,
                                           int max_groups,
                                           absl::Duration wait) = 0;

  virtual absl::StatusOr<Admission> Submit(const domain::RolloutGroup& group) = 0;
  // Gives leases of one learner start back; tried once.
  virtual absl::Status Return(const std::vector<domain::Lease>& leases) = 0;

  // Ends all retries.
  virtual void Close() = 0;
};

std::unique_ptr<LearnerClient> MakeLearnerClient(const std::string& address,
                                                 const std::string& worker);

}  // namespace convrec::rollout
