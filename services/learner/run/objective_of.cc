#include "services/learner/run/objective_of.h"

namespace convrec::learner {
namespace {

Unit UnitOf(config::RatioUnit unit) {
  switch (unit) {
    case config::RatioUnit::kToken:
      return Unit::kToken;
    case config::RatioUnit::kSequence:
      return Unit::kSequence;
    case config::RatioUnit::kRank:
      return Unit::kRank;
  }
  return Unit::kRank;
}

Unit UnitOf(config::CorrectionUnit unit) {
  switch (unit) {
    case config::CorrectionUnit::kToken:
      return Unit::kToken;
    case config::CorrectionUnit::kSequence:
      return Unit::kSequence;
    case config::CorrectionUnit::kRank:
      return Unit::kRank;
  }
  return Unit::kRank;
}

Unit UnitOf(config::AdvantageUnit unit) {
  switch (unit) {
    case config::AdvantageUnit::kToken:
      return Unit::kToken;
    case config::AdvantageUnit::kSequence:
      return Unit::kSequence;
    case config::AdvantageUnit::kRank:
      return Unit::kRank;
  }
  return Unit::kRank;
}

ListReward ListRewardOf(config::ListReward reward) {
  switch (reward) {
    case config::ListReward::kDcg:
      return ListReward::kDcg;
    case config::ListReward::kFirst:
      return ListReward::kFirst;
    case config::ListReward::kSum:
      return ListReward::kSum;
  }
  return ListReward::kDcg;
}

KlEstimator EstimatorOf(config::KlEstimator estimator) {
  switch (estimator) {
    case config::KlEstimator::kK1:
      return KlEstimator::kK1;
    case config::KlEstimator::kK2:
      return KlEstimator::kK2;
    case config::KlEstimator::kK3:
      return KlEstimator::kK3;
  }
  return KlEstimator::kK3;
}

Correction CorrectionOf(config::Correction correction) {
  switch (correction) {
    case config::Correction::kOff:
      return Correction::kOff;
    case config::Correction::kTruncate:
      return Correction::kTruncate;
    case config::Correction::kMask:
      return Correction::kMask;
  }
  return Correction::kOff;
}

LossType LossTypeOf(config::LossType type) {
  switch (type) {
    case config::LossType::kPaper:
      return LossType::kPaper;
    case config::LossType::kBnpo:
      return LossType::kBnpo;
    case config::LossType::kGrpo:
      return LossType::kGrpo;
    case config::LossType::kDrGrpo:
      return LossType::kDrGrpo;
  }
  return LossType::kPaper;
}

}  // namespace

Objective ObjectiveOf(const config::RunOptions& options) {
  const config::ObjectiveOptions& from = options.learner.objective;
  const bool is_reference = options.compat == config::Compat::kReference;
  return {.compat = is_reference ? Compat::kReference : Compat::kFixed,
          .num_ranks = options.data.num_ranks,
          .ratio_unit = UnitOf(from.ratio_unit),
          .advantage_unit = UnitOf(from.advantage_unit),
          .list_reward = ListRewardOf(from.list_reward),
          .loss_type = LossTypeOf(from.loss_type),
          .anchor = is_reference ? RatioAnchor::kCurrent : RatioAnchor::kSampled,
          .clip_low = from.clip_low,
          .clip_high = from.clip_high,
          .ratio_cap = from.ratio_cap,
          .kl_beta = from.kl_beta,
          .kl_estimator = EstimatorOf(from.kl_estimator),
          .entropy_weight = from.entropy_weight,
          .correction = CorrectionOf(from.correction),
          .correction_unit = UnitOf(from.correction_unit),
          .correction_pooling = from.correction_pooling == config::CorrectionPooling::kMean
                                    ? Pooling::kMean
                                    : Pooling::kSum,
          .correction_min = from.correction_min,
          .correction_max = from.correction_max,
          .scale_rewards = from.scale_rewards,
          .std_epsilon = from.std_epsilon,
          .std_divisor = from.std == config::StdDivisor::kUnbiased ? StdDivisor::kUnbiased
                                                                   : StdDivisor::kPopulation,
          .end_of_list_reward = from.end_of_list_reward,
          .extra_token_penalty = from.extra_token_penalty,
          .early_stop_penalty = from.early_stop_penalty,
          .truncation_penalty = from.truncation_penalty,
          .max_completion_length = options.rollout.max_new_tokens,
          .mask_truncated = from.mask_truncated};
}

}  // namespace convrec::learner
