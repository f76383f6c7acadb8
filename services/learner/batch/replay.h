// Replays a constraint along a completion, as the worker applied it when it sampled.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "absl/status/status.h"
#include "libs/domain/rollout.h"
#include "libs/domain/token_constraint.h"

namespace convrec::learner {

// Calls `visit`, if set, with the legal ids at each token. InvalidArgument at the first token that
// is not legal.
absl::Status Replay(domain::TokenConstraint* constraint,
                    std::span<const int32_t> token_ids,
                    const std::function<void(std::span<const int32_t> legal_ids)>& visit);

// Whether every completion could have been sampled under the constraint, and has an end token where
// the constraint ends. The InvalidArgument names rollout and token.
absl::Status CheckLegal(const domain::RolloutGroup& group,
                        const domain::MakeTokenConstraint& make_constraint);

}  // namespace convrec::learner
