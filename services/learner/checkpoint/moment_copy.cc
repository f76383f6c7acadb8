#include "services/learner/checkpoint/moment_copy.h"

#include <torch/types.h>

#include <utility>

namespace convrec::learner {

void MomentCopy::Take(const std::vector<MomentPiece>& moments) {
  const at::NoGradGuard no_grad;
  moments_.resize(moments.size());
  for (size_t i = 0; i < moments.size(); ++i) {
    at::Tensor memory = std::move(moments_[i].values_N);
    if (!memory.defined() || memory.numel() != moments[i].size)
      memory = at::empty({moments[i].size}, at::kFloat);
    memory.copy_(moments[i].values_N);
    moments_[i] = {moments[i].name, moments[i].begin, moments[i].size, std::move(memory)};
  }
}

}  // namespace convrec::learner
