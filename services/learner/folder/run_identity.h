// Which run a folder holds, and which start of it this is.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "libs/domain/ids.h"

namespace convrec::learner {

// Begins a start on `run_dir`, after one that was number `earlier` or a later one: draws the run's
// id when the folder has none, counts the starts. `run_dir`/run.json keeps the id with the folder's
// place on its disk: a copied folder is another run from here on and gets an id of its own, so that
// two runs never share one. InvalidArgument when a file of the two holds something else.
absl::StatusOr<domain::RunEpoch> BeginRunStart(const std::string& run_dir, int64_t earlier = 0);

}  // namespace convrec::learner
