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
          .advantage_unit =
              from.advantage_unit == config::AdvantageUnit::kRank ? Unit::kRank : Unit::kSequence,
          .loss_type = LossTypeOf(from.loss_type),
          .anchor = is_reference ? RatioAnchor::kCurrent : RatioAnchor::kSampled,
          .clip_low = from.clip_low,
          .clip_high = from.clip_high,
          .ratio_cap = 0,
          .kl_beta = from.kl_beta,
          .scale_rewards = from.scale_rewards,
          .std_epsilon = from.std_epsilon,
          .std_divisor = from.std == config::StdDivisor::kUnbiased ? StdDivisor::kUnbiased
                                                                   : StdDivisor::kPopulation,
          .end_of_list_reward = from.end_of_list_reward,
          .extra_token_penalty = from.extra_token_penalty,
          .early_stop_penalty = from.early_stop_penalty,
          .truncation_penalty = from.truncation_penalty,
          .max_completion_length = options.rollout.max_new_tokens,
          .mask_truncated = false};
}

}  // namespace convrec::learner
