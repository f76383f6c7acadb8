// Statistics of one update of an optimizer step: the losses, KL, entropy, clipping, raw ratios and
// the gap between the sampler's and the learner's log-probabilities, over all tokens and by rank.
//
// They are the rows of libs/statistics/step_table.h that have a measure, and rows derived from
// these. LossStatsAccumulator::Add() adds the measures. Shapes: M completion tokens.
#pragma once

#include <span>

#include "libs/statistics/step_values.h"
#include "libs/statistics/tallies.h"
#include "services/learner/batch/objective.h"
#include "services/learner/loss/loss_terms.h"

namespace convrec::learner {

using LossStats = statistics::RlValues;

// Per token, from one forward pass; a span is empty if the value does not exist.
struct TokenRecord {
  std::span<const double> logp_M;
  std::span<const double> ratio_M;
  std::span<const double> kl_M;               // Empty: no reference policy.
  std::span<const double> entropy_M;          // Empty: unknown.
  std::span<const double> correction_M = {};  // Raw; empty: unknown.
};

// Accumulates the micro-batches of one step, over all ranks that train it.
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
