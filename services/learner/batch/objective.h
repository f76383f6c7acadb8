// The objective of one optimizer step: every named algorithm is a set of values of this struct.
//
// Vanilla GRPO = token ratios and sequence advantages; GSPO = sequence ratios and sequence
// advantages; Rank-GRPO = rank ratios and rank advantages. Table: docs/training.md.
//
// There are three policies: the sampling policy, which drew each token and whose log-probability is
// recorded with it; the policy before the step, as it is when a batch is taken; and the current
// policy, which the updates on the batch change.
#pragma once

#include <string>

#include "libs/config/sections/compat.h"
#include "libs/config/sections/objective.h"

namespace convrec::learner {

using config::Compat;
using config::Correction;
using config::KlEstimator;
using config::ListReward;
using config::LossType;
using config::Pooling;
using config::StdDivisor;
using config::Unit;

// The denominator of the importance ratio.
enum class RatioAnchor {
  // Without correction: for groups drawn by older weights, the log-probabilities stored when the
  // tokens were drawn; with correction, the weights before the first update, as in kCurrent. A
  // group drawn by the weights that are being trained uses those weights as they are before its
  // first update, which is the same up to rounding.
  kSampled,
  // The weights before the first update on the batch, whatever weights drew the tokens.
  kCurrent,
};

// The keys of learner.objective, and the related values of other sections.
struct Objective : config::ObjectiveOptions {
  Compat compat = Compat::kFixed;
  int num_ranks = 20;  // N
  RatioAnchor anchor = RatioAnchor::kSampled;
  int max_completion_length = 1024;  // L_max of kDrGrpo.
};

// Statistics and rank ratios group the tokens of a completion into bins: 0..N-1 are the ranks.
inline int OverflowBin(const Objective& objective) { return objective.num_ranks; }
inline int EndBin(const Objective& objective) { return objective.num_ranks + 1; }
inline int NumBins(const Objective& objective) { return objective.num_ranks + 2; }

// The estimator in use, in one sentence, for the startup log line.
std::string Describe(const Objective& objective);

}  // namespace convrec::learner
