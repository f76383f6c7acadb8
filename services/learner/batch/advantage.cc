#include "services/learner/batch/advantage.h"

#include <algorithm>
#include <cmath>

#include "libs/base/check.h"

namespace convrec::learner {

using domain::FinishReason;

GroupAdvantages RelativeAdvantages(const std::vector<std::vector<double>>& rewards_GU,
                                   const Objective& objective) {
  CR_CHECK(!rewards_GU.empty(), "a group has at least one sibling");
  const size_t num_siblings = rewards_GU.size();
  const size_t num_units = rewards_GU[0].size();
  GroupAdvantages result;
  result.mean_U.resize(num_units);
  result.std_U.resize(num_units);
  result.advantage_GU.assign(num_siblings, std::vector<double>(num_units, 0.0));
  for (size_t u = 0; u < num_units; ++u) {
    double sum = 0;
    bool is_dead = true;
    for (const std::vector<double>& rewards_U : rewards_GU) {
      sum += rewards_U[u];
      is_dead = is_dead && rewards_U[u] == rewards_GU[0][u];
    }
    if (is_dead) {  // Rounding of the mean must not turn into an advantage.
      result.mean_U[u] = rewards_GU[0][u];
      continue;
    }
    const double mean = sum / static_cast<double>(num_siblings);
    double squares = 0;
    for (const std::vector<double>& rewards_U : rewards_GU) {
      squares += (rewards_U[u] - mean) * (rewards_U[u] - mean);
    }
    const size_t divisor =
        objective.std_divisor == StdDivisor::kUnbiased ? num_siblings - 1 : num_siblings;
    const double std = std::sqrt(squares / static_cast<double>(divisor));
    const double scale = objective.scale_rewards ? std + objective.std_epsilon : 1.0;
    result.mean_U[u] = mean;
    result.std_U[u] = std;
    for (size_t g = 0; g < num_siblings; ++g) {
      result.advantage_GU[g][u] = (rewards_GU[g][u] - mean) / scale;
    }
  }
  return result;
}

std::vector<double> UnitRewards(const domain::ListScore& score, const Objective& objective) {
  const std::vector<float>& rewards_N = score.rank_rewards;
  if (objective.advantage_unit != Unit::kSequence) return {rewards_N.begin(), rewards_N.end()};
  double reward = 0;
  switch (objective.list_reward) {
    case ListReward::kFirst:
      return {rewards_N[0]};
    case ListReward::kSum:
      for (const float rank_reward : rewards_N) reward += rank_reward;
      return {reward};
    case ListReward::kDcg:
      for (size_t k = 0; k < std::min(score.lines.size(), rewards_N.size()); ++k) {
        if (score.lines[k].outcome != domain::LineOutcome::kHit) continue;
        reward += 1 / std::log2(static_cast<double>(k + 2));
      }
      return {reward};
  }
  return {reward};
}

bool HasSignal(const domain::RolloutGroup& group, const Objective& objective) {
  const std::vector<double> first = UnitRewards(group.rollouts[0].score, objective);
  return std::any_of(
      group.rollouts.begin(), group.rollouts.end(), [&](const domain::Rollout& rollout) {
        return UnitRewards(rollout.score, objective) != first;
      });
}

ListShape ShapeOf(std::span<const int32_t> rank_of_token,
                  FinishReason finish,
                  const Objective& objective) {
  ListShape shape;
  shape.has_end = finish == FinishReason::kStop && !rank_of_token.empty();
  size_t num_counted = rank_of_token.size();
  if (shape.has_end && objective.compat == Compat::kFixed) --num_counted;
  for (size_t t = 0; t < num_counted; ++t) {
    shape.num_emitted = std::max(shape.num_emitted, rank_of_token[t] + 1);
  }
  shape.has_overflow = shape.num_emitted > objective.num_ranks;
  return shape;
}

std::vector<double> PlainTokenAdvantages(std::span<const int32_t> rank_of_token,
                                         FinishReason finish,
                                         std::span<const double> advantage_U,
                                         const Objective& objective) {
  const size_t num_tokens = rank_of_token.size();
  if (objective.advantage_unit == Unit::kSequence) {
    return std::vector<double>(num_tokens, advantage_U[0]);
  }
  std::vector<double> advantage_T(num_tokens, 0.0);
  const size_t num_content =
      finish == FinishReason::kStop && num_tokens > 0 ? num_tokens - 1 : num_tokens;
  for (size_t t = 0; t < num_content; ++t) {
    const int32_t rank = rank_of_token[t];
    CR_CHECK(rank >= 0, "only the end token has no rank");
    if (rank < objective.num_ranks) advantage_T[t] = advantage_U[static_cast<size_t>(rank)];
  }
  return advantage_T;
}

std::vector<double> TokenAdvantages(std::span<const int32_t> rank_of_token,
                                    FinishReason finish,
                                    std::span<const double> advantage_U,
                                    const Objective& objective) {
  std::vector<double> advantage_T =
      PlainTokenAdvantages(rank_of_token, finish, advantage_U, objective);
  if (objective.advantage_unit == Unit::kSequence || advantage_T.empty()) return advantage_T;
  const ListShape shape = ShapeOf(rank_of_token, finish, objective);
  for (size_t t = 0; t < advantage_T.size(); ++t) {
    // In kReference this takes in an end token that stands past rank N; in kFixed it has no rank.
    if (rank_of_token[t] >= objective.num_ranks) advantage_T[t] += objective.extra_token_penalty;
  }
  if (shape.has_end) {
    if (shape.num_emitted == objective.num_ranks)
      advantage_T.back() += objective.end_of_list_reward;
    if (shape.num_emitted < objective.num_ranks) advantage_T.back() += objective.early_stop_penalty;
  } else if (finish == FinishReason::kLength) {
    advantage_T.back() += objective.truncation_penalty;
  }
  return advantage_T;
}

}  // namespace convrec::learner
