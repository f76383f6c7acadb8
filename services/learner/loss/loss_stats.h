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
  double effective_share =
      0;  // Effective sample size (sum w)^2 / sum w^2, over the number of tokens.
};

struct LossStats {
  double loss = 0;  // policy_loss + kl_loss.
  double policy_loss = 0;
  double kl_loss = 0;  // beta times the aggregated KL.
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
  std::span<const double> kl_M;       // Empty: no reference policy.
  std::span<const double> entropy_M;  // Empty: not known.
};

// Adds up micro-batches of one step.
class LossStatsAccumulator final {
 public:
  explicit LossStatsAccumulator(const Objective& objective);
  void Add(const LossTerms& terms, const TokenRecord& record);
  LossStats Finish() const;

 private:
  struct Sums {
    int64_t num_tokens = 0;
    double kl = 0, entropy = 0, ratio = 0, ratio_square = 0;
    int64_t clip_low = 0, clip_high = 0;
    double ratio_min = 0, ratio_max = 0;
    void Add(double ratio_value,
             double advantage,
             double kl_value,
             double entropy_value,
             const Objective& objective);
    RatioStats Finish() const;
  };

  const Objective objective_;
  LossStats partial_;  // Losses and gap sums.
  Sums all_;
  std::vector<Sums> bins_;
};

}  // namespace convrec::learner
