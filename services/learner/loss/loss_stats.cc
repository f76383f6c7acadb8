#include "services/learner/loss/loss_stats.h"

#include <algorithm>
#include <cmath>

namespace convrec::learner {

LossStatsAccumulator::LossStatsAccumulator(const Objective& objective)
    : objective_(objective), bins_(static_cast<size_t>(NumBins(objective))) {
  partial_.fresh_ratio_mean = 0;
}

void LossStatsAccumulator::Sums::Add(const Token& token, const Objective& objective) {
  const auto at_least = [this](double* low, double value) {
    *low = num_tokens == 0 ? value : std::min(*low, value);
  };
  const auto at_most = [this](double* high, double value) {
    *high = num_tokens == 0 ? value : std::max(*high, value);
  };
  at_least(&ratio_min, token.ratio);
  at_most(&ratio_max, token.ratio);
  at_least(&correction_min, token.correction);
  at_most(&correction_max, token.correction);
  ++num_tokens;
  kl += token.kl;
  entropy += token.entropy;
  ratio += token.ratio;
  correction += token.correction;
  lag += token.lag;
  const bool is_corrected = objective.correction != Correction::kOff;
  const double in_force = is_corrected ? token.ratio * token.correction : token.ratio;
  weight += in_force;
  weight_square += in_force * in_force;
  clip_low += token.ratio < 1 - objective.clip_low && token.advantage < 0 ? 1 : 0;
  clip_high += token.ratio > 1 + objective.clip_high && token.advantage > 0 ? 1 : 0;
  cut += is_corrected && AppliedCorrection(token.correction, objective) != token.correction ? 1 : 0;
}

RatioStats LossStatsAccumulator::Sums::Finish() const {
  RatioStats stats;
  stats.num_tokens = num_tokens;
  if (num_tokens == 0) return stats;
  const auto count = static_cast<double>(num_tokens);
  stats.kl_mean = kl / count;
  stats.entropy_mean = entropy / count;
  stats.clip_low_share = static_cast<double>(clip_low) / count;
  stats.clip_high_share = static_cast<double>(clip_high) / count;
  stats.ratio_mean = ratio / count;
  stats.ratio_min = ratio_min;
  stats.ratio_max = ratio_max;
  stats.effective_share = weight_square > 0 ? weight * weight / weight_square / count : 0;
  stats.correction_mean = correction / count;
  stats.correction_min = correction_min;
  stats.correction_max = correction_max;
  stats.correction_cut_share = static_cast<double>(cut) / count;
  stats.lag_mean = static_cast<double>(lag) / count;
  return stats;
}

void LossStatsAccumulator::Add(const LossTerms& terms, const TokenRecord& record) {
  for (size_t t = 0; t < terms.unit_M.size(); ++t) {
    if (terms.lag_M[t] == 0) {
      const double gap = record.logp_M[t] - static_cast<double>(terms.sampled_logprob_M[t]);
      ++partial_.num_fresh_tokens;
      partial_.logprob_gap_mean += std::abs(gap);
      partial_.logprob_gap_max = std::max(partial_.logprob_gap_max, std::abs(gap));
      partial_.fresh_ratio_mean += std::exp(gap);
    }
    const double weight = terms.weight_M[t];
    if (!(weight > 0)) continue;
    const auto value = [t](std::span<const double> values_M, double otherwise) {
      return values_M.empty() ? otherwise : values_M[t];
    };
    const Token token = {.ratio = record.ratio_M[t],
                         .advantage = terms.advantage_M[t],
                         .kl = value(record.kl_M, 0),
                         .entropy = value(record.entropy_M, 0),
                         .correction = value(record.correction_M, 1),
                         .lag = terms.token_lag_M[t]};
    const double capped =
        objective_.ratio_cap > 0 ? std::min(token.ratio, objective_.ratio_cap) : token.ratio;
    const double clipped =
        std::clamp(token.ratio, 1 - objective_.clip_low, 1 + objective_.clip_high);
    partial_.policy_loss -= weight * AppliedCorrection(token.correction, objective_) *
                            std::min(capped * token.advantage, clipped * token.advantage);
    partial_.kl_loss += objective_.kl_beta * weight * token.kl;
    partial_.entropy_loss -= objective_.entropy_weight * weight * token.entropy;
    all_.Add(token, objective_);
    bins_[static_cast<size_t>(terms.bin_M[t])].Add(token, objective_);
  }
}

LossStats LossStatsAccumulator::Finish() const {
  LossStats stats = partial_;
  stats.loss = stats.policy_loss + stats.kl_loss + stats.entropy_loss;
  const auto num_fresh = static_cast<double>(std::max<int64_t>(stats.num_fresh_tokens, 1));
  stats.logprob_gap_mean /= num_fresh;
  stats.fresh_ratio_mean = stats.num_fresh_tokens > 0 ? stats.fresh_ratio_mean / num_fresh : 1;
  stats.all = all_.Finish();
  for (const Sums& sums : bins_) stats.bins.push_back(sums.Finish());
  return stats;
}

}  // namespace convrec::learner
