#include "services/learner/loss/testing/policy_loss_reference.h"

#include <algorithm>
#include <cmath>

#include "libs/base/check.h"

namespace convrec::learner {
namespace {

// Of values_M over the tokens of each unit; 0 for units without tokens.
std::vector<double> PooledByUnit(const std::vector<double>& values_M,
                                 const std::vector<int64_t>& unit_M,
                                 int64_t num_units,
                                 Pooling pooling) {
  std::vector<double> sum_U(static_cast<size_t>(num_units), 0.0), size_U = sum_U;
  for (size_t t = 0; t < values_M.size(); ++t) {
    sum_U[static_cast<size_t>(unit_M[t])] += values_M[t];
    size_U[static_cast<size_t>(unit_M[t])] += 1;
  }
  if (pooling == Pooling::kSum) return sum_U;
  for (size_t u = 0; u < sum_U.size(); ++u) sum_U[u] /= std::max(size_U[u], 1.0);
  return sum_U;
}

struct Kl {
  double value = 0;
  double gradient = 0;  // By the current log-probability.
};

Kl KlOf(double q, KlEstimator estimator) {
  switch (estimator) {
    case KlEstimator::kK1:
      return {-q, 1};
    case KlEstimator::kK2:
      return {q * q / 2, -q};
    case KlEstimator::kK3:
      return {std::exp(q) - q - 1, 1 - std::exp(q)};
  }
  return {};
}

// Logarithms of the policy over its anchor, and of the policy before the step over the sampler.
struct LogRatios {
  std::vector<double> ratio_U;       // U: units.
  std::vector<double> correction_U;  // U: units of the correction.
};

LogRatios LogRatiosOf(const LossTerms& terms,
                      std::span<const double> logp_M,
                      std::span<const double> before_M,
                      const Objective& objective) {
  std::vector<double> ratio_M, correction_M;
  for (size_t t = 0; t < logp_M.size(); ++t) {
    const double before = before_M.empty() ? logp_M[t] : before_M[t];
    const auto sampled = static_cast<double>(terms.sampled_logprob_M[t]);
    ratio_M.push_back(logp_M[t] - (AnchorsAtSampler(terms.lag_M[t], objective) ? sampled : before));
    correction_M.push_back(before - sampled);
  }
  return {PooledByUnit(ratio_M, terms.unit_M, terms.num_units, Pooling::kMean),
          PooledByUnit(correction_M,
                       terms.correction_unit_M,
                       terms.num_correction_units,
                       objective.correction_pooling)};
}

// Adds what KL and entropy contribute to loss and gradient.
void AddRegularisers(const LossTerms& terms,
                     std::span<const double> logp_M,
                     std::span<const double> ref_logp_M,
                     std::span<const double> entropy_M,
                     const Objective& objective,
                     PolicyLossValues* values) {
  for (size_t t = 0; t < ref_logp_M.size(); ++t) {
    const Kl kl = KlOf(ref_logp_M[t] - logp_M[t], objective.kl_estimator);
    values->kl_M.push_back(kl.value);
    values->loss += objective.kl_beta * terms.weight_M[t] * kl.value;
    values->gradient_M[t] += objective.kl_beta * terms.weight_M[t] * kl.gradient;
  }
  for (size_t t = 0; t < entropy_M.size(); ++t) {
    values->loss -= objective.entropy_weight * terms.weight_M[t] * entropy_M[t];
    values->entropy_gradient_M.push_back(-objective.entropy_weight * terms.weight_M[t]);
  }
}

}  // namespace

PolicyLossValues PolicyLossReference(const LossTerms& terms,
                                     std::span<const double> logp_M,
                                     std::span<const double> before_M,
                                     std::span<const double> ref_logp_M,
                                     const Objective& objective,
                                     std::span<const double> entropy_M) {
  const size_t num_tokens = terms.unit_M.size();
  CR_CHECK(logp_M.size() == num_tokens, "one log-probability per token");
  for (const auto& values_M : {before_M, ref_logp_M, entropy_M}) {
    CR_CHECK(values_M.empty() || values_M.size() == num_tokens, "one value per token");
  }
  PolicyLossValues values;
  values.gradient_M.assign(num_tokens, 0.0);

  LogRatios log_ratios = LogRatiosOf(terms, logp_M, before_M, objective);
  values.log_ratio_U = std::move(log_ratios.ratio_U);
  const std::vector<double>& log_correction_U = log_ratios.correction_U;

  const double low = 1 - objective.clip_low;
  const double high = 1 + objective.clip_high;
  // Sum of weight * advantage over tokens that are not clipped.
  std::vector<double> pull_U(values.log_ratio_U.size(), 0.0), size_U = pull_U;
  for (size_t t = 0; t < num_tokens; ++t) {
    const auto u = static_cast<size_t>(terms.unit_M[t]);
    const double ratio = std::exp(values.log_ratio_U[u]);
    const double correction =
        std::exp(log_correction_U[static_cast<size_t>(terms.correction_unit_M[t])]);
    const double weight = terms.weight_M[t] * AppliedCorrection(correction, objective);
    const double advantage = terms.advantage_M[t];
    const double capped = objective.ratio_cap > 0 ? std::min(ratio, objective.ratio_cap) : ratio;
    values.ratio_M.push_back(ratio);
    values.correction_M.push_back(correction);
    values.loss -= weight * std::min(capped * advantage, std::clamp(ratio, low, high) * advantage);
    const bool is_clipped =
        (advantage > 0 && ratio > high) || (advantage < 0 && ratio < low) || capped < ratio;
    if (!is_clipped) pull_U[u] += weight * advantage;
    size_U[u] += 1;
  }
  for (size_t t = 0; t < num_tokens; ++t) {
    const auto u = static_cast<size_t>(terms.unit_M[t]);
    values.gradient_M[t] = -values.ratio_M[t] * pull_U[u] / size_U[u];
  }

  AddRegularisers(terms, logp_M, ref_logp_M, entropy_M, objective, &values);
  return values;
}

}  // namespace convrec::learner
