// Test support: a constraint given as a table.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "libs/domain/token_constraint.h"

namespace convrec::learner {

// Token t must be one of legal_ids[t], whatever came before; then the completion ends.
class FixedConstraint final : public domain::TokenConstraint {
 public:
  explicit FixedConstraint(std::vector<std::vector<int32_t>> legal_ids)
      : legal_ids_(std::move(legal_ids)) {
    legal_ids_.emplace_back();
  }
  const std::vector<int32_t>& Legal() override { return legal_ids_[next_]; }
  void Advance(int32_t) override { ++next_; }

 private:
  std::vector<std::vector<int32_t>> legal_ids_;
  size_t next_ = 0;
};

inline domain::MakeTokenConstraint FixedConstraints(std::vector<std::vector<int32_t>> legal_ids) {
  return
      [legal_ids = std::move(legal_ids)] { return std::make_unique<FixedConstraint>(legal_ids); };
}

}  // namespace convrec::learner
