#include "libs/scoring/reward_rules.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/check.h"
#include "libs/base/enum_names.h"
#include "libs/lists/ranking_metrics.h"

namespace convrec::scoring {
namespace {

using domain::LineOutcome;

constexpr std::array<RewardRule, 4> kRules = {
    RewardRule::kExpInf, RewardRule::kExp, RewardRule::kLogDecay, RewardRule::kDcg};

double TermOf(const RewardTerms& terms, RewardRule rule) {
  constexpr std::array<double RewardTerms::*, 4> kTerms = {
      &RewardTerms::exp_inf, &RewardTerms::exp, &RewardTerms::log_decay, &RewardTerms::dcg};
  return terms.*kTerms.at(static_cast<size_t>(rule));
}

// Weight of a rule as the main rule plus as a term.
double WeightOf(const RewardRules& rules, RewardRule rule) {
  const double term = TermOf(rules.terms, rule);
  return rules.rule == rule ? rules.rule_weight + term : term;
}

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

// Gain of a hit at rank k, from 0.
double GainAt(const RewardRules& rules, RewardRule rule, size_t k) {
  if (rule == RewardRule::kLogDecay) return lists::Discount(k + 1);
  if (rule == RewardRule::kDcg) return k < rules.discounts.size() ? rules.discounts[k] : 0;
  return 1;
}

std::vector<double> RewardsOf(const RewardRules& rules,
                              RewardRule rule,
                              std::span<const RankFacts> ranks,
                              size_t num_ranks) {
  std::vector<double> rewards(num_ranks);
  for (size_t k = 0; k < ranks.size(); ++k) {
    if (ranks[k].outcome == LineOutcome::kHit) rewards[k] = GainAt(rules, rule, k);
  }
  if (rule == RewardRule::kExp) DiscountFromTheEnd(rules.gamma, &rewards);
  if (rule == RewardRule::kLogDecay || rule == RewardRule::kDcg) {
    SumFromTheEnd(rules.suffix_sum, &rewards);
  }
  return rewards;
}

double RewardOfOutcome(const RewardRules& rules, LineOutcome outcome) {
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

// What a rank gets by itself, in addition to the rules.
double OwnTerms(const RewardRules& rules, const RankFacts& rank) {
  double own = RewardOfOutcome(rules, rank.outcome);
  if (rank.outcome != LineOutcome::kMalformed) own += rules.terms.format;
  own += rules.terms.novelty * rank.novelty;
  own += rules.terms.diversity * rank.diversity;
  return own;
}

double LengthFit(size_t num_found, int num_ranks) {
  const double n = static_cast<double>(num_found);
  return std::max(0.0, 1 - std::abs(n - num_ranks) / num_ranks);
}

}  // namespace

std::string DescribeRules(const RewardRules& rules) {
  std::string text = base::NameOf(rules.rule);
  const auto add = [&text](const char* name, double value, double off) {
    if (value != off) absl::StrAppend(&text, " ", name, "=", value);
  };
  add("weight", rules.rule_weight, 1);
  if (WeightOf(rules, RewardRule::kExp) != 0) absl::StrAppend(&text, " gamma=", rules.gamma);
  if (WeightOf(rules, RewardRule::kDcg) != 0) {
    absl::StrAppend(&text, " discounts=", absl::StrJoin(rules.discounts, ","));
  }
  add("duplicate", rules.duplicate_reward, 0);
  add("off_catalog", rules.off_catalog_reward, 0);
  add("seen", rules.seen_reward, 0);
  add("malformed", rules.malformed_reward, 0);
  for (const RewardRule rule : kRules) {
    add(absl::StrCat("terms.", base::NameOf(rule)).c_str(), TermOf(rules.terms, rule), 0);
  }
  add("terms.format", rules.terms.format, 0);
  add("terms.length", rules.terms.length, 0);
  add("terms.novelty", rules.terms.novelty, 0);
  add("terms.diversity", rules.terms.diversity, 0);
  add("external", rules.external_weight, 0);
  return text;
}

std::vector<double> RankRewards(const RewardRules& rules,
                                std::span<const RankFacts> ranks,
                                int num_ranks) {
  CR_CHECK(num_ranks > 0 && rules.gamma > 1);
  const size_t size = static_cast<size_t>(num_ranks);
  const double length =
      rules.terms.length == 0 ? 0 : rules.terms.length * LengthFit(ranks.size(), num_ranks);
  ranks = ranks.first(std::min(size, ranks.size()));
  std::vector<double> rewards(size);
  for (const RewardRule rule : kRules) {
    const double weight = WeightOf(rules, rule);
    if (weight == 0) continue;
    const std::vector<double> of_rule = RewardsOf(rules, rule, ranks, size);
    for (size_t k = 0; k < size; ++k) rewards[k] += weight * of_rule[k];
  }
  for (size_t k = 0; k < ranks.size(); ++k) rewards[k] += OwnTerms(rules, ranks[k]) + length;
  return rewards;
}

}  // namespace convrec::scoring
