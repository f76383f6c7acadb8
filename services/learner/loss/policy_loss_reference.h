// The policy loss in plain double arithmetic with its gradient in closed form: what the torch
// version is held against. Method section 6.
//
// With l_t = logp_t - old_t, log w_u = mean of l over the tokens of ratio unit u, and q_t = ref_t -
// logp_t:
//   loss = sum_t weight_t (-f(w_u(t), a_t) + beta (exp(q_t) - q_t - 1)),
//   f(w, a) = min(w a, clip(w, 1 - clip_low, 1 + clip_high) a),
//   d loss / d logp_s = -(w_u / n_u) sum_{t in u, not clipped} weight_t a_t + beta weight_s (1 -
//   exp(q_s)).
// Shapes: M completion tokens, U ratio units.
#pragma once

#include <span>
#include <vector>

#include "services/learner/batch/objective.h"
#include "services/learner/loss/loss_terms.h"

namespace convrec::learner {

struct PolicyLossValues {
  double loss = 0;
  std::vector<double> gradient_M;   // By logp.
  std::vector<double> ratio_M;      // w of the token's unit, before any clip.
  std::vector<double> kl_M;         // Empty without a reference policy.
  std::vector<double> log_ratio_U;  // 0 for units without tokens.
};

// `old_logp_M` empty: the ratio is against logp_M itself, held constant. `ref_logp_M` empty: no KL.
PolicyLossValues PolicyLossReference(const LossTerms& terms,
                                     std::span<const double> logp_M,
                                     std::span<const double> old_logp_M,
                                     std::span<const double> ref_logp_M,
                                     const Objective& objective);

}  // namespace convrec::learner
