// How a process joins the ranks of a job.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/learner/parallel/local_ranks.h"
#include "services/learner/parallel/process_group.h"
#include "services/learner/parallel/rank_environment.h"

namespace convrec::learner {

struct Ranks {
  std::unique_ptr<ProcessGroup> group;  // Null with one rank.
  std::unique_ptr<LocalRanks> local;    // Ranks that this process started; may be null.
};

// Starts the other ranks of this process and connects to all ranks. Blocks.
absl::StatusOr<Ranks> JoinRanks(const RankPlace& place,
                                const std::string& device,
                                absl::Duration timeout);

// The end of a run that is complete or was stopped, on all ranks: they leave together, and the
// leader waits for the ranks that this process started.
absl::Status LeaveRanks(const Ranks& ranks);

}  // namespace convrec::learner
