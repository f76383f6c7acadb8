// A copy of the moments in host memory, for a thread that writes it while training continues.
#pragma once

#include <vector>

#include "services/learner/train/adamw.h"

namespace convrec::learner {

// Reuses its memory for the next copy, since fresh memory costs more than the copying.
class MomentCopy final {
 public:
  void Take(const std::vector<MomentPiece>& moments);
  const std::vector<MomentPiece>& moments() const { return moments_; }

 private:
  std::vector<MomentPiece> moments_;
};

}  // namespace convrec::learner
