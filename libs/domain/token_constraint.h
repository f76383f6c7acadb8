// Which tokens may come next in one completion. Constrained sampling draws among these only.
//
// One object per sibling, used by one thread. Log-probabilities of a constrained completion come
// from the softmax over the legal tokens, so a forced token has log-probability 0. Code that
// recomputes them must replay the same constraint over the same tokens.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace convrec::domain {

class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;
  // Legal next tokens, ascending and without repetition; empty only once a stop token has been
  // taken. Valid until Advance().
  virtual const std::vector<int32_t>& Legal() = 0;
  // Takes a legal token.
  virtual void Advance(int32_t token_id) = 0;
};

using MakeTokenConstraint = std::function<std::unique_ptr<TokenConstraint>()>;

}  // namespace convrec::domain
