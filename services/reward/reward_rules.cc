#include "services/reward/reward_rules.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/catalog/ranking_metrics.h"

namespace convrec::reward {
namespace {

using domain::LineOutcome;

// r_k = rel_k + r_{k+1} / gamma, in place.
void DiscountFromTheEnd(double gamma, std::vector<double>* rewards) {
  double later = 0;
  for (auto it = rewards->rbegin(); it != rewards->rend(); ++it) {
    *it += later / gamma;
    later = *it;
  }
}

// r_k = sum of gains from k on, in place.
void SumFromTheEnd(SuffixSum how, std::vector<double>* gains) {
  if (how == SuffixSum::kDirect) {
    double later = 0;
    for (auto it = gains->rbegin(); it != gains->rend(); ++it) *it = later += *it;
    return;
  }
  double total = 0;
  for (const double gain : *gains) total += gain;
  double earlier = 0;
  for (double& gain : *gains) {
    const double own = gain;
    gain = total - earlier;
    earlier += own;
  }
}

double PenaltyOf(const RewardRules& rules, LineOutcome outcome) {
  switch (outcome) {
    case LineOutcome::kDuplicate:
      return rules.duplicate_reward;
    case LineOutcome::kOffCatalog:
      return rules.off_catalog_reward;
    case LineOutcome::kSeen:
      return rules.seen_reward;
    case LineOutcome::kMalformed:
      return rules.malformed_reward;
    case LineOutcome::kHit:
    case LineOutcome::kMiss:
      return 0;
  }
  return 0;
}

}  // namespace

std::string DescribeRules(const RewardRules& rules) {
  std::string text;
  switch (rules.rule) {
    case RewardRule::kExpInf:
      text = "exp_inf";
      break;
    case RewardRule::kExp:
      text = absl::StrCat("exp gamma=", rules.gamma);
      break;
    case RewardRule::kLogDecay:
      text = "log_decay";
      break;
  }
  const std::pair<const char*, double> additions[] = {{"duplicate", rules.duplicate_reward},
                                                      {"off_catalog", rules.off_catalog_reward},
                                                      {"seen", rules.seen_reward},
                                                      {"malformed", rules.malformed_reward}};
  for (const auto& [name, value] : additions) {
    if (value != 0) absl::StrAppend(&text, " ", name, "=", value);
  }
  return text;
}

std::vector<double> RankRewards(const RewardRules& rules,
                                const std::vector<LineOutcome>& outcomes,
                                int num_ranks) {
  CR_CHECK(num_ranks > 0 && rules.gamma > 1);
  std::vector<double> rewards(static_cast<size_t>(num_ranks));
  const size_t num_found = std::min(rewards.size(), outcomes.size());
  for (size_t k = 0; k < num_found; ++k) {
    if (outcomes[k] != LineOutcome::kHit) continue;
    rewards[k] = rules.rule == RewardRule::kLogDecay ? catalog::Discount(k + 1) : 1.0;
  }
  if (rules.rule == RewardRule::kExp) DiscountFromTheEnd(rules.gamma, &rewards);
  if (rules.rule == RewardRule::kLogDecay) SumFromTheEnd(rules.suffix_sum, &rewards);
  for (size_t k = 0; k < num_found; ++k) rewards[k] += PenaltyOf(rules, outcomes[k]);
  return rewards;
}

}  // namespace convrec::reward
