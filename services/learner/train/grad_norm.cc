#include "services/learner/train/grad_norm.h"

#include <torch/types.h>

namespace convrec::learner {
namespace {

std::vector<at::Tensor> Gradients(const std::vector<model::NamedTensor>& parameters) {
  std::vector<at::Tensor> gradients;
  for (const model::NamedTensor& parameter : parameters) {
    if (parameter.tensor.grad().defined()) gradients.push_back(parameter.tensor.grad());
  }
  return gradients;
}

}  // namespace

double GradNorm(const std::vector<model::NamedTensor>& parameters) {
  const at::NoGradGuard no_grad;
  const std::vector<at::Tensor> gradients = Gradients(parameters);
  if (gradients.empty()) return 0;
  return at::stack(at::_foreach_norm(gradients, 2)).cpu().to(at::kDouble).norm().item<double>();
}

void ClipGradients(const std::vector<model::NamedTensor>& parameters,
                   double norm,
                   double max_norm) {
  if (norm <= max_norm) return;
  const at::NoGradGuard no_grad;
  const std::vector<at::Tensor> gradients = Gradients(parameters);
  at::_foreach_mul_(gradients, max_norm / norm);
}

}  // namespace convrec::learner
