// Creates the decoders of a rank: loaded on the leader, allocated on other ranks.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/checkpoint/manifest.h"
#include "libs/config/run_options.h"
#include "libs/model/decoder.h"
#include "libs/model/model_config.h"
#include "services/learner/loop/run_state.h"

namespace convrec::learner {

// On the leader: loads the policy of `resumed`, else of model.path. With an adapter, the base is
// always that of model.path. Its digest is put into `state`; BadConfig if the resumed adapter
// belongs to another base.
absl::StatusOr<std::unique_ptr<model::Decoder>> LoadPolicy(
    const config::RunOptions& options,
    const std::optional<checkpoint::Checkpoint>& resumed,
    RunState* state);

// On the leader: loads the policy of a checkpoint, not trainable; with an adapter, on the base of
// `policy`, which must outlive it.
absl::StatusOr<std::unique_ptr<model::Decoder>> LoadFrozenPolicy(
    const config::RunOptions& options,
    const checkpoint::Checkpoint& checkpoint,
    const model::Decoder& policy);

// On other ranks: zeros. `policy` is null for the policy itself, else as above.
absl::StatusOr<std::unique_ptr<model::Decoder>> MakeEmptyDecoder(
    const config::RunOptions& options,
    const model::ModelConfig& config,
    const model::Decoder* policy = nullptr);

}  // namespace convrec::learner
