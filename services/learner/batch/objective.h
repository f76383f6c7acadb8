// What one optimizer step optimises: every named algorithm is a set of values of this struct.
//
// Vanilla GRPO = token ratios and sequence advantages; GSPO = sequence ratios and sequence
// advantages; Rank-GRPO = rank ratios and rank advantages. Table: docs/training.md.
//
// Three policies are kept apart: the sampling one, which drew each token and whose log-probability
// is recorded with it; the one before the step, as it is when a batch is taken; the current one,
// which the updates on the batch change.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace convrec::learner {

enum class Compat { kFixed, kReference };
enum class Unit { kToken, kSequence, kRank };
enum class LossType { kPaper, kBnpo, kGrpo, kDrGrpo };
enum class StdDivisor { kUnbiased, kPopulation };  // G - 1 or G.

// The reward of a whole list, for advantages of sequences.
enum class ListReward {
  kDcg,    // The DCG of the list's hits up to rank N, whatever rule gives the ranks their rewards.
  kFirst,  // The reward of rank 1: that of the whole list under rules that sum from a rank on.
  kSum,    // The sum of the rewards of ranks: everything the rules pay for, weighted equally.
};

// Of the divergence from the reference policy at a token, with q = reference - current
// log-probability. The value enters the loss, so what trains is its gradient, not its mean.
enum class KlEstimator {
  // -q, unbiased. Its gradient does not contain the reference: in the mean over sampled tokens it
  // is 0, so the term measures and adds noise but does not hold the policy back.
  kK1,
  kK2,  // q^2 / 2. On sampled tokens its gradient is that of the divergence in the mean.
  kK3,  // exp(q) - q - 1, unbiased and never negative. Gradient 1 - exp(q): bounded where q < 0.
};

// What importance weights exp(before the step - sampling policy) do to the policy term. They carry
// no gradient and leave KL and entropy alone.
enum class Correction {
  kOff,       // Weight 1; the ratio itself reaches back to the sampling policy, see RatioAnchor.
  kTruncate,  // Weights above correction_max become correction_max.
  kMask,      // Weights outside of [correction_min, correction_max] become 0; their tokens stay in
              // the denominator.
};

// How the tokens of a unit share one log weight.
enum class Pooling {
  kMean,  // Weight = ratio of geometric means: low variance, biased.
  kSum,   // Weight = ratio of the unit's probabilities.
};

// What the importance ratio compares the current policy with.
enum class RatioAnchor {
  // Without correction: the log-probabilities stored when the tokens were drawn, for groups drawn
  // by older weights. With correction the weights before the first update, as in kCurrent. A group
  // drawn by the very weights that are trained uses those weights as they are before its first
  // update, which is the same up to rounding.
  kSampled,
  // The weights before the first update on the batch, whatever drew the tokens.
  kCurrent,
};

struct Objective {
  Compat compat = Compat::kFixed;
  int num_ranks = 20;  // N
  Unit ratio_unit = Unit::kRank;
  Unit advantage_unit = Unit::kRank;          // kRank or kSequence.
  ListReward list_reward = ListReward::kDcg;  // With advantage_unit kSequence.
  LossType loss_type = LossType::kPaper;
  RatioAnchor anchor = RatioAnchor::kSampled;

  double clip_low = 0.06;  // The ratio is clipped to [1 - clip_low, 1 + clip_high].
  double clip_high = 0.08;
  double ratio_cap = 0;   // Cap of the ratio in the unclipped branch; 0 = none.
  double kl_beta = 1e-3;  // Weight of the KL term to the reference policy; 0 = off.
  KlEstimator kl_estimator = KlEstimator::kK3;
  double entropy_weight = 0;  // Bonus for the entropy of every token, aggregated as the loss.

  Correction correction = Correction::kOff;
  Unit correction_unit = Unit::kRank;
  Pooling correction_pooling = Pooling::kMean;
  double correction_min = 0.5;  // Of kMask.
  double correction_max = 2;

  bool scale_rewards = true;  // Divide advantages by (standard deviation + std_epsilon).
  double std_epsilon = 1e-4;
  StdDivisor std_divisor = StdDivisor::kUnbiased;

  // Added to advantages after normalisation; only with advantage_unit kRank.
  double end_of_list_reward = 0.1;    // End token of a list with exactly N ranks.
  double extra_token_penalty = -0.1;  // Every token past rank N (in kPaper: every line).
  double early_stop_penalty = -0.1;   // End token before rank N.
  double truncation_penalty = 0;      // Last token of a list cut by the token limit; kFixed only.

  int max_completion_length = 1024;  // L_max of kDrGrpo.
  bool mask_truncated = false;       // Completions cut by the token limit leave the loss.
};

// Statistics and rank ratios sort the tokens of a completion into bins: 0..N-1 are the ranks.
inline int OverflowBin(const Objective& objective) { return objective.num_ranks; }
inline int EndBin(const Objective& objective) { return objective.num_ranks + 1; }
inline int NumBins(const Objective& objective) { return objective.num_ranks + 2; }

// The published scripts' objective, faults included (method section 10).
Objective ReferenceObjective(int num_ranks);

// Refuses values out of range and combinations that mean nothing.
absl::Status Validate(const Objective& objective);

// The estimator in force, in one sentence, for the start-up line.
std::string Describe(const Objective& objective);

// Words of the configuration; the error lists what is known.
absl::StatusOr<Compat> ParseCompat(const std::string& word);          // fixed, reference
absl::StatusOr<Unit> ParseUnit(const std::string& word);              // token, sequence, rank
absl::StatusOr<LossType> ParseLossType(const std::string& word);      // paper, bnpo, grpo, dr_grpo
absl::StatusOr<StdDivisor> ParseStdDivisor(const std::string& word);  // unbiased, population

}  // namespace convrec::learner
