// Moments in host memory, for a thread that writes them while training goes on.
#pragma once

#include <vector>

#include "services/learner/train/adamw.h"

namespace convrec::learner {

// Keeps its memory from one copy to the next: fresh memory costs more than the copying.
class MomentCopy final {
 public:
  void Take(const std::vector<MomentPiece>& moments);
  const std::vector<MomentPiece>& moments() const { return moments_; }

 private:
  std::vector<MomentPiece> moments_;
};

}  // namespace convrec::learner
