// What an optimizer step says about itself: KL, entropy, clipping, raw ratios and the gap between
// the sampler's and the learner's log-probabilities; globally and per bin (rank, overflow, end
// token).
//
// Means are over tokens in the loss, so they do not depend on how the step was split.
// Shapes: M completion tokens.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "services/learner/batch/objective.h"
#include "services/learner/loss/loss_terms.h"

namespace convrec::learner {

struct RatioStats {
  int64_t num_tokens = 0;  // In the loss.
  double kl_mean = 0;
  double entropy_mean = 0;     // Nats.
  double clip_low_share = 0;   // Ratio below the lower bound with a negative advantage.
  double clip_high_share = 0;  // Ratio above the upper bound with a positive advantage.
  double ratio_mean = 0;       // Raw: before any clip.
  double ratio_min = 0;
  double ratio_max = 0;
  // Effective sample size (sum x)^2 / sum x^2 over the number of tokens, of the raw weights in
  // force: the ratio, times the correction weight where correction is on.
  double effective_share = 0;
  double correction_mean = 1;  // Raw weights exp(before the step - sampling policy), also when off.
  double correction_min = 1;
  double correction_max = 1;
  double correction_cut_share = 0;  // Truncated or masked.
  double lag_mean = 0;  // Versions between the weights that drew a token and the trained ones.
};

struct LossStats {
  double loss = 0;  // The sum of its terms.
  double policy_loss = 0;
  double kl_loss = 0;       // beta times the aggregated KL.
  double entropy_loss = 0;  // -entropy_weight times the aggregated entropy.
  RatioStats all;
  std::vector<RatioStats> bins;  // N + 2: the ranks, overflow, the end token.
  // Sampler against learner at equal weights, over tokens of groups of lag 0.
  int64_t num_fresh_tokens = 0;
  double logprob_gap_mean = 0;  // |recomputed - sampled|
  double logprob_gap_max = 0;
  double fresh_ratio_mean = 1;  // exp(recomputed - sampled); an alarm outside [0.9, 1.1].
};

// Per token, from one forward pass; spans may be empty where a value does not exist.
struct TokenRecord {
  std::span<const double> logp_M;
  std::span<const double> ratio_M;
  std::span<const double> kl_M;               // Empty: no reference policy.
  std::span<const double> entropy_M;          // Empty: not known.
  std::span<const double> correction_M = {};  // Raw; empty: not known.
};

// Adds up micro-batches of one step.
class LossStatsAccumulator final {
 public:
  explicit LossStatsAccumulator(const Objective& objective);
  void Add(const LossTerms& terms, const TokenRecord& record);
  LossStats Finish() const;

 private:
  struct Token {
    double ratio = 1, advantage = 0, kl = 0, entropy = 0, correction = 1;
    int64_t lag = 0;
  };
  struct Sums {
    int64_t num_tokens = 0;
    double kl = 0, entropy = 0, ratio = 0, weight = 0, weight_square = 0, correction = 0;
    int64_t clip_low = 0, clip_high = 0, cut = 0, lag = 0;
    double ratio_min = 0, ratio_max = 0, correction_min = 0, correction_max = 0;
    void Add(const Token& token, const Objective& objective);
    RatioStats Finish() const;
  };

  const Objective objective_;
  LossStats partial_;  // Losses and gap sums.
  Sums all_;
  std::vector<Sums> bins_;
};

}  // namespace convrec::learner
