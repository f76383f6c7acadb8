// The differentiable policy loss of all methods: variants are values of the Objective.
//
// Equal to testing/policy_loss_reference.h up to rounding; computed in the type of logp_M (float32
// or float64) on its device. Shapes: M completion tokens, U ratio units, V correction units.
#pragma once

#include <ATen/core/Tensor.h>

#include "services/learner/batch/objective.h"
#include "services/learner/loss/loss_terms.h"

namespace convrec::learner {

// LossTerms as tensors on the device of the loss.
struct LossTensors {
  at::Tensor unit_M;  // int64
  at::Tensor size_U;  // Tokens of each ratio unit, at least 1.
  at::Tensor correction_unit_M;
  at::Tensor correction_size_V;
  at::Tensor advantage_M;
  at::Tensor weight_M;
  at::Tensor sampled_logprob_M;
  at::Tensor lag_M;  // int64
};
LossTensors MakeLossTensors(const LossTerms& terms, at::Device device, at::ScalarType type);

struct PolicyLossResult {
  at::Tensor loss;          // Scalar with gradients for logp_M and entropy_M.
  at::Tensor ratio_M;       // Detached, before any clipping.
  at::Tensor correction_M;  // Detached, before any bound.
  at::Tensor kl_M;          // Detached; undefined without a reference policy.
  at::Tensor log_ratio_U;   // Detached; 0 for units without tokens.
};

// `before_M` undefined: the policy before the step is the current one, held constant. `ref_logp_M`
// undefined: no KL. `entropy_M` is read only if the objective has a weight for it.
PolicyLossResult PolicyLoss(const LossTensors& terms,
                            const at::Tensor& logp_M,
                            const at::Tensor& before_M,
                            const at::Tensor& ref_logp_M,
                            const Objective& objective,
                            const at::Tensor& entropy_M = {});

}  // namespace convrec::learner
