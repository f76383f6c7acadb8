#include "services/learner/loss/policy_loss.h"

#include <torch/types.h>

#include <algorithm>
#include <vector>

#include "libs/base/check.h"

namespace convrec::learner {
namespace {

at::Tensor DoublesTo(const std::vector<double>& values, at::Device device, at::ScalarType type) {
  return torch::tensor(values, torch::kFloat64).to(device, type);
}

std::vector<double> UnitSizes(const std::vector<int64_t>& unit_M, int64_t num_units) {
  std::vector<double> size_U(static_cast<size_t>(num_units), 0.0);
  for (const int64_t unit : unit_M) size_U[static_cast<size_t>(unit)] += 1;
  for (double& size : size_U) size = std::max(size, 1.0);
  return size_U;
}

at::Tensor SumByUnit(const at::Tensor& values_M,
                     const at::Tensor& unit_M,
                     const at::Tensor& size_U) {
  return at::zeros_like(size_U).index_add(0, unit_M, values_M);
}

// The policy that the ratio is against; see AnchorsAtSampler().
at::Tensor AnchorOf(const LossTensors& terms,
                    const at::Tensor& before_M,
                    const Objective& objective) {
  if (!AnchorsAtSampler(/*lag=*/1, objective)) return before_M;
  return at::where(terms.lag_M > 0, terms.sampled_logprob_M, before_M);
}

at::Tensor Bounded(const at::Tensor& correction_M, const Objective& objective) {
  if (objective.correction == Correction::kTruncate) {
    return correction_M.clamp_max(objective.correction_max);
  }
  const at::Tensor is_kept_M = at::logical_and(correction_M >= objective.correction_min,
                                               correction_M <= objective.correction_max);
  return at::where(is_kept_M, correction_M, at::zeros_like(correction_M));
}

at::Tensor KlOf(const at::Tensor& q_M, KlEstimator estimator) {
  switch (estimator) {
    case KlEstimator::kK1:
      return -q_M;
    case KlEstimator::kK2:
      return q_M.square() / 2;
    case KlEstimator::kK3:
      return q_M.exp() - q_M - 1;
  }
  CR_CHECK(false, "a KL estimator without a formula");
}

}  // namespace

LossTensors MakeLossTensors(const LossTerms& terms, at::Device device, at::ScalarType type) {
  LossTensors tensors;
  tensors.unit_M = torch::tensor(terms.unit_M, torch::kInt64).to(device);
  tensors.size_U = DoublesTo(UnitSizes(terms.unit_M, terms.num_units), device, type);
  tensors.correction_unit_M = torch::tensor(terms.correction_unit_M, torch::kInt64).to(device);
  tensors.correction_size_V =
      DoublesTo(UnitSizes(terms.correction_unit_M, terms.num_correction_units), device, type);
  tensors.advantage_M = DoublesTo(terms.advantage_M, device, type);
  tensors.weight_M = DoublesTo(terms.weight_M, device, type);
  tensors.sampled_logprob_M =
      torch::tensor(terms.sampled_logprob_M, torch::kFloat32).to(device, type);
  tensors.lag_M = torch::tensor(terms.lag_M, torch::kInt64).to(device);
  return tensors;
}

PolicyLossResult PolicyLoss(const LossTensors& terms,
                            const at::Tensor& logp_M,
                            const at::Tensor& before_M,
                            const at::Tensor& ref_logp_M,
                            const Objective& objective,
                            const at::Tensor& entropy_M) {
  const at::Tensor before = before_M.defined() ? before_M : logp_M.detach();
  const at::Tensor log_ratio_U =
      SumByUnit(logp_M - AnchorOf(terms, before, objective), terms.unit_M, terms.size_U) /
      terms.size_U;
  const at::Tensor ratio_M = log_ratio_U.exp().index_select(0, terms.unit_M);
  const at::Tensor clipped_M = ratio_M.clamp(1 - objective.clip_low, 1 + objective.clip_high);
  const at::Tensor capped_M =
      objective.ratio_cap > 0 ? ratio_M.clamp_max(objective.ratio_cap) : ratio_M;
  at::Tensor gain_M = at::minimum(capped_M * terms.advantage_M, clipped_M * terms.advantage_M);

  at::Tensor log_correction_V =
      SumByUnit(before - terms.sampled_logprob_M, terms.correction_unit_M, terms.correction_size_V);
  if (objective.correction_pooling == Pooling::kMean) log_correction_V /= terms.correction_size_V;

  PolicyLossResult result;
  result.correction_M = log_correction_V.exp().index_select(0, terms.correction_unit_M);
  if (objective.correction != Correction::kOff) {
    gain_M = gain_M * Bounded(result.correction_M, objective);
  }
  result.loss = -(terms.weight_M * gain_M).sum();
  result.ratio_M = ratio_M.detach();
  result.log_ratio_U = log_ratio_U.detach();
  if (ref_logp_M.defined()) {
    const at::Tensor kl_M = KlOf(ref_logp_M - logp_M, objective.kl_estimator);
    result.loss = result.loss + objective.kl_beta * (terms.weight_M * kl_M).sum();
    result.kl_M = kl_M.detach();
  }
  if (objective.entropy_weight > 0 && entropy_M.defined()) {
    result.loss = result.loss - objective.entropy_weight * (terms.weight_M * entropy_M).sum();
  }
  return result;
}

}  // namespace convrec::learner
