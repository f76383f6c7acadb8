#include "services/learner/loss/policy_loss.h"

#include <torch/types.h>

namespace convrec::learner {
namespace {

at::Tensor DoublesTo(const std::vector<double>& values, at::Device device, at::ScalarType type) {
  return torch::tensor(values, torch::kFloat64).to(device, type);
}

}  // namespace

LossTensors MakeLossTensors(const LossTerms& terms, at::Device device, at::ScalarType type) {
  std::vector<double> size_U(static_cast<size_t>(terms.num_units), 0.0);
  for (const int64_t unit : terms.unit_M) size_U[static_cast<size_t>(unit)] += 1;
  for (double& size : size_U) size = std::max(size, 1.0);
  LossTensors tensors;
  tensors.unit_M = torch::tensor(terms.unit_M, torch::kInt64).to(device);
  tensors.size_U = DoublesTo(size_U, device, type);
  tensors.advantage_M = DoublesTo(terms.advantage_M, device, type);
  tensors.weight_M = DoublesTo(terms.weight_M, device, type);
  return tensors;
}

PolicyLossResult PolicyLoss(const LossTensors& terms,
                            const at::Tensor& logp_M,
                            const at::Tensor& old_logp_M,
                            const at::Tensor& ref_logp_M,
                            const Objective& objective) {
  const at::Tensor log_ratio_M = logp_M - (old_logp_M.defined() ? old_logp_M : logp_M.detach());
  const at::Tensor log_ratio_U =
      at::zeros_like(terms.size_U).index_add(0, terms.unit_M, log_ratio_M) / terms.size_U;
  const at::Tensor ratio_M = log_ratio_U.exp().index_select(0, terms.unit_M);
  const at::Tensor clipped_M = ratio_M.clamp(1 - objective.clip_low, 1 + objective.clip_high);
  const at::Tensor capped_M =
      objective.ratio_cap > 0 ? ratio_M.clamp_max(objective.ratio_cap) : ratio_M;
  const at::Tensor gain_M =
      at::minimum(capped_M * terms.advantage_M, clipped_M * terms.advantage_M);

  PolicyLossResult result;
  result.loss = -(terms.weight_M * gain_M).sum();
  result.ratio_M = ratio_M.detach();
  result.log_ratio_U = log_ratio_U.detach();
  if (ref_logp_M.defined()) {
    const at::Tensor q_M = ref_logp_M - logp_M;
    const at::Tensor kl_M = q_M.exp() - q_M - 1;
    result.loss = result.loss + objective.kl_beta * (terms.weight_M * kl_M).sum();
    result.kl_M = kl_M.detach();
  }
  return result;
}

}  // namespace convrec::learner
