// Client of the learner's ExperienceService: gets leases and submits groups.
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
#include "libs/domain/run_identity.h"
#include "services/rollout/call_headers.h"

namespace convrec::rollout {

struct WorkerIdentity {
  domain::RunDigests digests;
  std::string reward_rules;  // Describes in one line the rules that digests.rules covers.
  bool is_float32 = false;   // Samples in float32.
};

struct RunDescription {
  std::string run;  // The run's name, for messages; `epoch` identifies it.
  domain::RunEpoch epoch;
  int num_ranks = 0;
  bool counts_ranks_by_line = true;  // False: counts by line breaks, as the reference does.
  bool constrained = false;          // Some leases require lists of catalog titles only.
  bool numbered_lists = false;       // Format of those lists: "1. Title (Year)".
};

enum class Admission { kAccepted, kDuplicate, kStale, kInvalid };

// Thread-safe. Calls are retried while the learner is unreachable, until a stop is requested or
// Close() is called (Cancelled). FailedPrecondition: the learner at this address is at another
// start, or serves another run: Join() again, and drop everything that belongs to the old one.
// Errors that a retry cannot fix are BadConfig, which says what to do.
class LearnerClient {
 public:
  virtual ~LearnerClient() = default;

  virtual absl::StatusOr<RunDescription> Join(const WorkerIdentity& identity) = 0;

  struct LeasedWork {
    std::vector<domain::Lease> leases;
    bool run_complete = false;
  };
  // Waits up to `wait` for the first lease; the learner does the waiting.
  virtual absl::StatusOr<LeasedWork> Lease(domain::RunEpoch epoch,
                                           int max_groups,
                                           absl::Duration wait) = 0;

  // OutOfRange if a group is too large to be sent.
  virtual absl::StatusOr<Admission> Submit(const domain::RolloutGroup& group) = 0;
  // Returns leases of one learner start; tried only once.
  virtual absl::Status Return(const std::vector<domain::Lease>& leases) = 0;
  // Returns a lease with the reason why no worker can produce its group.
  virtual absl::Status Refuse(const domain::Lease& lease, const std::string& reason) = 0;

  // Ends all retries.
  virtual void Close() = 0;
};

// `headers` must outlive the client, which sets their digests when it joins.
std::unique_ptr<LearnerClient> MakeLearnerClient(const std::string& address, CallHeaders* headers);

}  // namespace convrec::rollout
