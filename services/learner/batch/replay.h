// Walks a constraint along a completion once more, as the worker did when it sampled it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "absl/status/status.h"
#include "libs/domain/rollout.h"
#include "libs/domain/token_constraint.h"

namespace convrec::learner {

// Calls `visit`, unless empty, with the legal ids at each token. InvalidArgument at the first token
// that is not one of them.
absl::Status Replay(domain::TokenConstraint* constraint,
                    std::span<const int32_t> token_ids,
                    const std::function<void(std::span<const int32_t> legal_ids)>& visit);

// Whether every completion could have been sampled under the constraint, and ended by an end token
// where the constraint ends. InvalidArgument names rollout and token.
absl::Status CheckLegal(const domain::RolloutGroup& group,
                        const domain::MakeTokenConstraint& make_constraint);

}  // namespace convrec::learner
