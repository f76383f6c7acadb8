#include "services/learner/loss/policy_loss_reference.h"

#include <algorithm>
#include <cmath>

#include "libs/base/check.h"

namespace convrec::learner {

PolicyLossValues PolicyLossReference(const LossTerms& terms,
                                     std::span<const double> logp_M,
                                     std::span<const double> old_logp_M,
                                     std::span<const double> ref_logp_M,
                                     const Objective& objective) {
  const size_t num_tokens = terms.unit_M.size();
  const auto num_units = static_cast<size_t>(terms.num_units);
  CR_CHECK(logp_M.size() == num_tokens, "one log-probability per token");
  CR_CHECK(old_logp_M.empty() || old_logp_M.size() == num_tokens,
           "one old log-probability per token");
  CR_CHECK(ref_logp_M.empty() || ref_logp_M.size() == num_tokens,
           "one reference log-probability per token");
  PolicyLossValues values;
  values.gradient_M.assign(num_tokens, 0.0);
  values.ratio_M.resize(num_tokens);
  values.log_ratio_U.assign(num_units, 0.0);

  std::vector<double> size_U(num_units, 0.0);
  for (size_t t = 0; t < num_tokens; ++t) {
    const auto u = static_cast<size_t>(terms.unit_M[t]);
    size_U[u] += 1;
    if (!old_logp_M.empty()) values.log_ratio_U[u] += logp_M[t] - old_logp_M[t];
  }
  for (size_t u = 0; u < num_units; ++u) values.log_ratio_U[u] /= std::max(size_U[u], 1.0);

  const double low = 1 - objective.clip_low;
  const double high = 1 + objective.clip_high;
  std::vector<double> pull_U(num_units,
                             0.0);  // Sum of weight * advantage over tokens that are not clipped.
  for (size_t t = 0; t < num_tokens; ++t) {
    const auto u = static_cast<size_t>(terms.unit_M[t]);
    const double ratio = std::exp(values.log_ratio_U[u]);
    const double advantage = terms.advantage_M[t];
    const double capped = objective.ratio_cap > 0 ? std::min(ratio, objective.ratio_cap) : ratio;
    const double unclipped = capped * advantage;
    const double clipped = std::clamp(ratio, low, high) * advantage;
    values.ratio_M[t] = ratio;
    values.loss -= terms.weight_M[t] * std::min(unclipped, clipped);
    const bool is_clipped =
        (advantage > 0 && ratio > high) || (advantage < 0 && ratio < low) || capped < ratio;
    if (!is_clipped) pull_U[u] += terms.weight_M[t] * advantage;
  }
  for (size_t t = 0; t < num_tokens; ++t) {
    const auto u = static_cast<size_t>(terms.unit_M[t]);
    values.gradient_M[t] = -values.ratio_M[t] * pull_U[u] / size_U[u];
  }

  if (ref_logp_M.empty()) return values;
  values.kl_M.resize(num_tokens);
  for (size_t t = 0; t < num_tokens; ++t) {
    const double q = ref_logp_M[t] - logp_M[t];
    values.kl_M[t] = std::exp(q) - q - 1;
    values.loss += objective.kl_beta * terms.weight_M[t] * values.kl_M[t];
    values.gradient_M[t] += objective.kl_beta * terms.weight_M[t] * (1 - std::exp(q));
  }
  return values;
}

}  // namespace convrec::learner
