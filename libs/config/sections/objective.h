// The section "learner.objective".
#pragma once

#include <array>

#include "libs/config/sections/compat.h"
#include "libs/config/table.h"

namespace convrec::config {

// The defaults of the other keys.
enum class Method { kRankGrpo, kGrpo, kGspo, kDrGrpo, kDapo };
constexpr std::array<const char*, 5> NamesOf(Method) {
  return {"rank_grpo", "grpo", "gspo", "dr_grpo", "dapo"};
}

// Which tokens share one ratio, advantage or weight.
enum class Unit { kToken, kSequence, kRank };
constexpr std::array<const char*, 3> NamesOf(Unit) { return {"token", "sequence", "rank"}; }

enum class LossType { kPaper, kBnpo, kGrpo, kDrGrpo };
constexpr std::array<const char*, 4> NamesOf(LossType) {
  return {"paper", "bnpo", "grpo", "dr_grpo"};
}

// The reward of a whole list, for advantages of sequences.
enum class ListReward {
  kDcg,    // The DCG of the list's hits up to rank N, whatever rule the ranks' rewards follow.
  kFirst,  // The reward of rank 1: the whole list's, under rules that sum from a rank on.
  kSum,    // The sum of the ranks' rewards: everything that is rewarded, weighted equally.
};
constexpr std::array<const char*, 3> NamesOf(ListReward) { return {"dcg", "first", "sum"}; }

// Estimator of the divergence from the reference policy at a token, with q = reference - current
// log-probability. The value enters the loss, so its gradient matters for training, not its mean.
enum class KlEstimator {
  // -q, unbiased. Its gradient does not contain the reference: its mean over sampled tokens is 0,
  // so the term measures and adds noise but does not hold the policy back.
  kK1,
  kK2,  // q^2 / 2. On sampled tokens its mean gradient is that of the divergence.
  kK3,  // exp(q) - q - 1, unbiased and never negative. Gradient 1 - exp(q): bounded where q < 0.
};
constexpr std::array<const char*, 3> NamesOf(KlEstimator) { return {"k1", "k2", "k3"}; }

enum class StdDivisor { kUnbiased, kPopulation };  // G - 1 or G.
constexpr std::array<const char*, 2> NamesOf(StdDivisor) { return {"unbiased", "population"}; }

// How importance weights exp(before the step - sampling policy) act on the policy term. They carry
// no gradient and do not affect KL and entropy.
enum class Correction {
  kOff,       // Weight 1; the ratio itself is relative to the sampling policy, see RatioAnchor.
  kTruncate,  // Weights above correction_max become correction_max.
  kMask,      // Weights outside [correction_min, correction_max] become 0; the denominator keeps
              // their tokens.
};
constexpr std::array<const char*, 3> NamesOf(Correction) { return {"off", "truncate", "mask"}; }

// How the tokens of a unit share one log weight.
enum class Pooling {
  kMean,  // Weight = ratio of geometric means: low variance, biased.
  kSum,   // Weight = ratio of the unit's probabilities.
};
constexpr std::array<const char*, 2> NamesOf(Pooling) { return {"mean", "sum"}; }

struct ObjectiveOptions {
  Method method = Method::kRankGrpo;
  Unit ratio_unit = Unit::kRank;
  Unit advantage_unit = Unit::kRank;  // kRank or kSequence.
  ListReward list_reward = ListReward::kDcg;
  LossType loss_type = LossType::kPaper;
  double clip_low = 0.06;
  double clip_high = 0.08;
  double ratio_cap = 0;
  double kl_beta = 0.001;
  KlEstimator kl_estimator = KlEstimator::kK3;
  double entropy_weight = 0;
  bool scale_rewards = true;
  double std_epsilon = 0.0001;
  StdDivisor std_divisor = StdDivisor::kUnbiased;
  double end_of_list_reward = 0.1;
  double extra_token_penalty = -0.1;
  double early_stop_penalty = -0.1;
  double truncation_penalty = 0;
  bool mask_truncated = false;
  Correction correction = Correction::kOff;
  Unit correction_unit = Unit::kRank;
  Pooling correction_pooling = Pooling::kMean;
  double correction_min = 0.5;
  double correction_max = 2;
  bool dynamic_sampling = false;
  int max_resampled = 4;
};

// As long as its table: one row per key.
void Describe(ObjectiveOptions& objective, const auto& run, Table& table) {
  const When ranks{objective.advantage_unit == Unit::kRank,
                   "learner.objective.advantage_unit is rank"};
  const When sequences{objective.advantage_unit == Unit::kSequence,
                       "learner.objective.advantage_unit is sequence"};
  const When unscaled{!objective.scale_rewards, "learner.objective.scale_rewards is false"};
  const When uncorrected{objective.correction == Correction::kOff,
                         "learner.objective.correction is off"};
  table.Key("method", objective.method)
      .Help(
          "The defaults of the other keys: rank_grpo, grpo, gspo, dr_grpo or dapo (table in "
          "docs/training.md); a key that is set explicitly keeps its value.");
  table.Key("ratio_unit", objective.ratio_unit)
      .Help("Grain of the importance ratio: token, sequence or rank.");
  table.Key("advantage_unit", objective.advantage_unit)
      .Must(objective.advantage_unit != Unit::kToken,
            "rank or sequence, since rewards are given per rank and no token has one of its own")
      .Help("Grain of the advantage: rank or sequence.");
  table.Key("list_reward", objective.list_reward)
      .IdleIf(ranks)
      .Help(
          "Reward of a whole list, for sequence advantages: dcg (of its hits, whatever the rule), "
          "first (that of rank 1) or sum (over all ranks, with every term).");
  table.Key("loss_type", objective.loss_type).Help("Aggregation: paper, bnpo, grpo or dr_grpo.");
  table.Key("clip_low", objective.clip_low, NumberBetween(0, 1))
      .Help("The ratio is clipped from below at 1 - clip_low.");
  table.Key("clip_high", objective.clip_high, NumberBetween(0, 1))
      .Help("The ratio is clipped from above at 1 + clip_high.");
  table.Key("ratio_cap", objective.ratio_cap)
      .Must(objective.ratio_cap == 0 || objective.ratio_cap > 1 + objective.clip_high,
            "0 (none), or a number above 1 + clip_high")
      .Help("Largest ratio where clipping has no effect, as with negative advantages; 0 = none.");
  table.Key("kl_beta", objective.kl_beta, NumberNotNegative())
      .Help("Weight of the KL term to the SFT policy.");
  table.Key("kl_estimator", objective.kl_estimator)
      .IdleIf({objective.kl_beta == 0, "learner.objective.kl_beta is 0"})
      .Help(
          "Estimator of that KL at a token: k3, k2, or k1, which only measures: its gradient does "
          "not hold the policy back.");
  table.Key("entropy_weight", objective.entropy_weight, NumberNotNegative())
      .Help("Weight of a bonus for the entropy of every token; 0 = none.");
  table.Key("scale_rewards", objective.scale_rewards)
      .Help("Divide advantages by the group's standard deviation.");
  table.Key("std_epsilon", objective.std_epsilon, NumberAbove(0))
      .IdleIf(unscaled)
      .Help("Added to the standard deviation.");
  table.Key("std", objective.std_divisor)
      .IdleIf(unscaled)
      .Help("Divisor of the standard deviation: unbiased (G - 1) or population (G).");
  table.Key("end_of_list_reward", objective.end_of_list_reward, Number(-100, 100))
      .IdleIf(sequences)
      .Help("Added to the advantage of the end token of a list with exactly N ranks.");
  table.Key("extra_token_penalty", objective.extra_token_penalty, Number(-100, 100))
      .IdleIf(sequences)
      .Help("Added to the advantage of every token (line in \"paper\") past rank N.");
  table.Key("early_stop_penalty", objective.early_stop_penalty, Number(-100, 100))
      .IdleIf(sequences)
      .Help("Added to the advantage of an end token before rank N.");
  table.Key("truncation_penalty", objective.truncation_penalty, Number(-100, 100))
      .Must(objective.truncation_penalty == 0,
            "0",
            IsReference(run, " and the published trainer has no such term"))
      .IdleIf(sequences)
      .Help("Added to the advantage of the last token of a list that was cut.");
  table.Key("mask_truncated", objective.mask_truncated)
      .Help("Leave lists cut by the token limit out of the loss.");
  table.Key("correction", objective.correction)
      .Must(objective.correction == Correction::kOff,
            "off",
            IsReference(run,
                        " and the published trainer never reads the sampler's log-probabilities"))
      .Help(
          "Off-policy weights, policy before the step / sampling policy: off, truncate or mask. "
          "Also useful with max_staleness 0 when rollouts compute in bfloat16.");
  table.Key("correction_unit", objective.correction_unit)
      .IdleIf(uncorrected)
      .Help("Grain of those weights: token, rank or sequence.");
  table.Key("correction_pooling", objective.correction_pooling)
      .IdleIf(uncorrected)
      .Help("How the tokens of a unit share one weight: mean (of their log weights) or sum.");
  table.Key("correction_min", objective.correction_min, Number(0, 1))
      .IdleIf(
          {objective.correction != Correction::kMask, "learner.objective.correction is not mask"})
      .Help("Smaller weights are masked; used only by \"mask\".");
  table.Key("correction_max", objective.correction_max, Number(1, 1e6))
      .IdleIf(uncorrected)
      .Help("Larger weights are truncated to it, or masked.");
  table.Key("dynamic_sampling", objective.dynamic_sampling)
      .Help(
          "Groups whose lists all have equal rewards are counted, dropped and replaced by groups "
          "of other prompts.");
  table.Key("max_resampled", objective.max_resampled, Integer(1, 1000))
      .IdleIf({!objective.dynamic_sampling, "learner.objective.dynamic_sampling is false"})
      .Help(
          "Limit on groups replaced for one step, in multiples of groups_per_step; after that the "
          "step trains on what arrives and raises an alarm.");
}

}  // namespace convrec::config
