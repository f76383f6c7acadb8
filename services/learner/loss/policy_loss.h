// The policy loss of all methods, differentiable: variants are values of the Objective.
//
// Equal to policy_loss_reference.h up to rounding; computed in the type of logp_M (float32 or
// float64) on its device. Shapes: M completion tokens, U ratio units.
#pragma once

#include <ATen/core/Tensor.h>

#include "services/learner/batch/objective.h"
#include "services/learner/loss/loss_terms.h"

namespace convrec::learner {

// LossTerms where the loss is computed.
struct LossTensors {
  at::Tensor unit_M;  // int64
  at::Tensor size_U;  // Tokens of each ratio unit, at least 1.
  at::Tensor advantage_M;
  at::Tensor weight_M;
};
LossTensors MakeLossTensors(const LossTerms& terms, at::Device device, at::ScalarType type);

struct PolicyLossResult {
  at::Tensor loss;         // Scalar with gradient by logp_M.
  at::Tensor ratio_M;      // Detached, before any clip.
  at::Tensor kl_M;         // Detached; undefined without a reference policy.
  at::Tensor log_ratio_U;  // Detached; 0 for units without tokens.
};

// `old_logp_M` undefined: the ratio is against logp_M itself, held constant. `ref_logp_M`
// undefined: no KL.
PolicyLossResult PolicyLoss(const LossTensors& terms,
                            const at::Tensor& logp_M,
                            const at::Tensor& old_logp_M,
                            const at::Tensor& ref_logp_M,
                            const Objective& objective);

}  // namespace convrec::learner
