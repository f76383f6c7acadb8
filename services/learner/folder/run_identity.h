// Which run a folder holds, and the number of this start.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "libs/domain/ids.h"

namespace convrec::learner {

// Begins a start in `run_dir` whose number is above `earlier`. Draws the run's id if the folder has
// none, and counts the start. `run_dir`/run.json stores the id with the folder's location on disk:
// a copied folder is another run from now on and gets its own id, so two runs never share one.
// InvalidArgument if one of the two files has unexpected content.
absl::StatusOr<domain::RunEpoch> BeginRunStart(const std::string& run_dir, int64_t earlier = 0);

}  // namespace convrec::learner
