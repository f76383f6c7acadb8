// Which rank this process is, from the variables that torchrun and similar launchers set.
//
//   RANK, LOCAL_RANK, LOCAL_WORLD_SIZE, WORLD_SIZE, MASTER_ADDR, MASTER_PORT
//                                                            one process per rank
//   PET_NNODES, PET_NODE_RANK, PET_NPROC_PER_NODE, PET_MASTER_ADDR, PET_MASTER_PORT
//                                                            one process per machine
// Without any of them, the configuration gives the ranks, all on this machine.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"

namespace convrec::learner {

struct RankPlace {
  int rank = 0;
  int local_rank = 0;  // Among the ranks of this machine; selects its device.
  int world_size = 1;
  std::string master_address;  // Where rank 0 listens; empty with one rank.
  int master_port = 0;         // 0 = any free port, which rank 0 tells the ranks it starts.
  // Ranks this process is responsible for: itself, and rank + 1, rank + 2, ..., which it starts.
  int local_ranks = 1;
  int ranks_here = 1;  // On this machine, as far as known.
};

// The value of a variable, or null.
using Environment = std::function<const char*(const char*)>;

// `configured_ranks` is learner.ranks. BadConfig if variables are malformed, missing, or contradict
// each other; the message names the variable.
absl::StatusOr<RankPlace> PlaceOf(const Environment& environment, int configured_ranks);

}  // namespace convrec::learner
