// What one update of an optimizer step says about itself: the losses, KL, entropy, clipping, raw
// ratios and the gap between the sampler's and the learner's log-probabilities, over all tokens and
// by rank.
//
// The rows of libs/statistics/step_table.h that have a measure, and those made of them. A measure
// is added in LossStatsAccumulator::Add(). Shapes: M completion tokens.
#pragma once

#include <span>

#include "libs/statistics/step_values.h"
#include "libs/statistics/tallies.h"
#include "services/learner/batch/objective.h"
#include "services/learner/loss/loss_terms.h"

namespace convrec::learner {

using LossStats = statistics::RlValues;

// Per token, from one forward pass; spans may be empty where a value does not exist.
struct TokenRecord {
  std::span<const double> logp_M;
  std::span<const double> ratio_M;
  std::span<const double> kl_M;               // Empty: no reference policy.
  std::span<const double> entropy_M;          // Empty: not known.
  std::span<const double> correction_M = {};  // Raw; empty: not known.
};

// Adds up micro-batches of one step, of all ranks that train it.
class LossStatsAccumulator final {
 public:
  explicit LossStatsAccumulator(const Objective& objective);
  void Add(const LossTerms& terms, const TokenRecord& record);
  LossStats Finish() const;

 private:
  const Objective objective_;
  statistics::Tallies<statistics::kRlTable> tallies_;
};

}  // namespace convrec::learner
