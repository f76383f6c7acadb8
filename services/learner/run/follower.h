// A learner process that is not rank 0: it trains its share of what rank 0 announces, and neither
// serves nor writes anything.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "libs/config/run_options.h"
#include "libs/model/decoder.h"
#include "services/learner/parallel/process_group.h"
#include "services/learner/train/sharded_parameters.h"

namespace convrec::learner {

// Returns when rank 0 says that the run is over. Errors of this rank end all ranks.
absl::Status FollowLearner(const config::RunOptions& options, ProcessGroup* group);

// Both sides of the reference policy's way from rank 0 to all: whole, or at stage 3 in shards,
// whose owner is returned.
std::unique_ptr<ShardedParameters> ShareReference(const config::RunOptions& options,
                                                  model::Decoder* reference,
                                                  ProcessGroup* group);

}  // namespace convrec::learner
