#include "services/learner/loss/loss_stats.h"

#include <algorithm>
#include <cmath>

namespace convrec::learner {

using statistics::Combine;

LossStatsAccumulator::LossStatsAccumulator(const Objective& objective)
    : objective_(objective), tallies_(static_cast<size_t>(objective.num_ranks)) {}

void LossStatsAccumulator::Add(const LossTerms& terms, const TokenRecord& record) {
  const bool is_corrected = objective_.correction != Correction::kOff;
  const double lower = 1 - objective_.clip_low, upper = 1 + objective_.clip_high;
  for (size_t t = 0; t < terms.unit_M.size(); ++t) {
    // Sampler against learner at equal weights, whether or not the token is in the loss.
    if (terms.lag_M[t] == 0) {
      const double gap = record.logp_M[t] - static_cast<double>(terms.sampled_logprob_M[t]);
      tallies_.Add("gap", std::abs(gap));
      tallies_.Add("fresh_ratio", std::exp(gap));
    }
    const double weight = terms.weight_M[t];
    if (!(weight > 0)) continue;
    const auto value = [t](std::span<const double> values_M, double otherwise) {
      return values_M.empty() ? otherwise : values_M[t];
    };
    const double ratio = record.ratio_M[t], advantage = terms.advantage_M[t];
    const double kl = value(record.kl_M, 0), entropy = value(record.entropy_M, 0);
    const double correction = value(record.correction_M, 1);  // Raw, also when it is off.
    const double applied = AppliedCorrection(correction, objective_);
    const double capped = objective_.ratio_cap > 0 ? std::min(ratio, objective_.ratio_cap) : ratio;
    const double clipped = std::clamp(ratio, lower, upper);
    tallies_.Add("policy_loss",
                 -(weight * applied * std::min(capped * advantage, clipped * advantage)));
    tallies_.Add("kl_loss", objective_.kl_beta * weight * kl);
    tallies_.Add("entropy_loss", -(objective_.entropy_weight * weight * entropy));

    const auto rank = static_cast<size_t>(terms.bin_M[t]);
    tallies_.Add("kl", kl, rank);
    tallies_.Add("entropy", entropy, rank);
    tallies_.Add("ratio", ratio, rank);
    tallies_.Add("correction", correction, rank);
    tallies_.Add("lag", static_cast<double>(terms.token_lag_M[t]), rank);
    tallies_.Add("weight", is_corrected ? ratio * correction : ratio, rank);
    tallies_.Add("clip_low", ratio < lower && advantage < 0 ? 1 : 0, rank);
    tallies_.Add("clip_high", ratio > upper && advantage > 0 ? 1 : 0, rank);
    tallies_.Add("cut", is_corrected && applied != correction ? 1 : 0, rank);
  }
}

LossStats LossStatsAccumulator::Finish() const {
  LossStats stats;
  tallies_.Write(&stats);
  stats["loss"] = stats["policy_loss"] + stats["kl_loss"] + stats["entropy_loss"];
  for (size_t rank = 0; rank < static_cast<size_t>(objective_.num_ranks); ++rank) {
    stats.list("clip_by_rank")
        .push_back(tallies_.at_rank("clip_low", rank).Value(Combine::kMean, 0) +
                   tallies_.at_rank("clip_high", rank).Value(Combine::kMean, 0));
  }
  return stats;
}

}  // namespace convrec::learner
