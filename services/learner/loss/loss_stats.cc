#include "services/learner/loss/loss_stats.h"

#include <algorithm>
#include <cmath>

namespace convrec::learner {

LossStatsAccumulator::LossStatsAccumulator(const Objective& objective)
    : objective_(objective), bins_(static_cast<size_t>(NumBins(objective))) {
  partial_.fresh_ratio_mean = 0;
}

void LossStatsAccumulator::Sums::Add(double ratio_value,
                                     double advantage,
                                     double kl_value,
                                     double entropy_value,
                                     const Objective& objective) {
  ratio_min = num_tokens == 0 ? ratio_value : std::min(ratio_min, ratio_value);
  ratio_max = num_tokens == 0 ? ratio_value : std::max(ratio_max, ratio_value);
  ++num_tokens;
  kl += kl_value;
  entropy += entropy_value;
  ratio += ratio_value;
  ratio_square += ratio_value * ratio_value;
  clip_low += ratio_value < 1 - objective.clip_low && advantage < 0 ? 1 : 0;
  clip_high += ratio_value > 1 + objective.clip_high && advantage > 0 ? 1 : 0;
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
  stats.effective_share = ratio_square > 0 ? ratio * ratio / ratio_square / count : 0;
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
    const double ratio = record.ratio_M[t];
    const double advantage = terms.advantage_M[t];
    const double capped = objective_.ratio_cap > 0 ? std::min(ratio, objective_.ratio_cap) : ratio;
    const double clipped = std::clamp(ratio, 1 - objective_.clip_low, 1 + objective_.clip_high);
    const double kl = record.kl_M.empty() ? 0 : record.kl_M[t];
    const double entropy = record.entropy_M.empty() ? 0 : record.entropy_M[t];
    partial_.policy_loss -= weight * std::min(capped * advantage, clipped * advantage);
    partial_.kl_loss += objective_.kl_beta * weight * kl;
    all_.Add(ratio, advantage, kl, entropy, objective_);
    bins_[static_cast<size_t>(terms.bin_M[t])].Add(ratio, advantage, kl, entropy, objective_);
  }
}

LossStats LossStatsAccumulator::Finish() const {
  LossStats stats = partial_;
  stats.loss = stats.policy_loss + stats.kl_loss;
  const auto num_fresh = static_cast<double>(std::max<int64_t>(stats.num_fresh_tokens, 1));
  stats.logprob_gap_mean /= num_fresh;
  stats.fresh_ratio_mean = stats.num_fresh_tokens > 0 ? stats.fresh_ratio_mean / num_fresh : 1;
  stats.all = all_.Finish();
  for (const Sums& sums : bins_) stats.bins.push_back(sums.Finish());
  return stats;
}

}  // namespace convrec::learner
