// The policy loss in plain double arithmetic with its gradient in closed form: the reference for
// the torch version. Method sections 6 and 7.
//
// With l_t = current_t - anchor_t, log w_u = mean of l over the tokens of ratio unit u, log c_v =
// mean (or sum) of before_t - sampled_t over the tokens of correction unit v, c' =
// AppliedCorrection(c), q_t = reference_t - current_t and H_t the entropy:
//   loss = sum_t weight_t (-c'_v(t) f(w_u(t), a_t) + beta KL(q_t) - entropy_weight H_t),
//   f(w, a) = min(w a, clip(w, 1 - clip_low, 1 + clip_high) a),
//   d loss / d current_s = -(w_u / n_u) sum_{t in u, not clipped} weight_t c'_v(t) a_t
//                          + beta weight_s dKL/dcurrent,
//   KL, dKL/dcurrent = -q, 1 (k1);  q^2 / 2, -q (k2);  exp(q) - q - 1, 1 - exp(q) (k3).
// The anchor is `before`, or `sampled` where AnchorsAtSampler().
// Shapes: M completion tokens, U ratio units.
#pragma once

#include <span>
#include <vector>

#include "services/learner/batch/objective.h"
#include "services/learner/loss/loss_terms.h"

namespace convrec::learner {

struct PolicyLossValues {
  double loss = 0;
  std::vector<double> gradient_M;          // For the current log-probabilities.
  std::vector<double> entropy_gradient_M;  // For the entropies; empty without them.
  std::vector<double> ratio_M;             // w of the token's unit, before any clipping.
  std::vector<double> correction_M;        // c of the token's unit, before any bound.
  std::vector<double> kl_M;                // Empty without a reference policy.
  std::vector<double> log_ratio_U;         // 0 for units without tokens.
};

// `before_M` empty: the policy before the step is the current one, held constant. `ref_logp_M`
// empty: no KL. `entropy_M` empty: no entropy bonus.
PolicyLossValues PolicyLossReference(const LossTerms& terms,
                                     std::span<const double> logp_M,
                                     std::span<const double> before_M,
                                     std::span<const double> ref_logp_M,
                                     const Objective& objective,
                                     std::span<const double> entropy_M = {});

}  // namespace convrec::learner
