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
#include "libs/domain/run_identity.h"
#include "services/rollout/call_headers.h"

namespace convrec::rollout {

struct WorkerIdentity {
  domain::RunDigests digests;
  std::string reward_rules;  // What digests.rules is of, in one line.
  bool is_float32 = false;   // It samples in float32.
};

struct RunDescription {
  std::string run;  // Its name, for messages; `epoch` tells it from others.
  domain::RunEpoch epoch;
  int num_ranks = 0;
  bool counts_ranks_by_line = true;  // False: by line breaks, as the reference does.
  bool constrained = false;          // Some leases ask for lists of catalog titles only.
  bool numbered_lists = false;       // How those are written: "1. Title (Year)".
};

enum class Admission { kAccepted, kDuplicate, kStale, kInvalid };

// Thread-safe. Calls retry while the learner is unreachable, until a stop is requested or Close()
// (Cancelled). FailedPrecondition: the learner at this address is at another start, or of another
// run: Join() again, and drop what belongs to the old one. Errors that repeating cannot mend are
// BadConfig, with what to do.
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

  // OutOfRange for a group that is too large to be sent.
  virtual absl::StatusOr<Admission> Submit(const domain::RolloutGroup& group) = 0;
  // Gives leases of one learner start back; tried once.
  virtual absl::Status Return(const std::vector<domain::Lease>& leases) = 0;
  // Gives a lease back with the reason why no worker can produce its group.
  virtual absl::Status Refuse(const domain::Lease& lease, const std::string& reason) = 0;

  // Ends all retries.
  virtual void Close() = 0;
};

// `headers` must outlive the client, which sets their digests when it joins.
std::unique_ptr<LearnerClient> MakeLearnerClient(const std::string& address, CallHeaders* headers);

}  // namespace convrec::rollout
