// Turns the outcomes of a list's ranks into rewards, one per rank (method section 4).
//
// With rel_k = 1 for a hit at rank k and 0 otherwise, d_k a discount:
//   exp_inf    r_k = rel_k
//   exp        r_k = rel_k + r_{k+1} / gamma                    (exp_inf is its limit)
//   log_decay  r_k = sum_{j >= k} rel_j d_j, d_j = 1 / log2(j + 1)      (DCG of ranks k to N)
//   dcg        the same with custom discounts
// Example, N = 5, hits at 2 and 5: exp_inf 0 1 0 0 1; exp with gamma 2 .5625 1.125 .25 .5 1;
// log_decay 1.01778 1.01778 .38685 .38685 .38685.
//
// A reward is rule_weight times the rule, plus weighted terms. The terms are not part of the
// published method and are 0 unless switched on.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "libs/domain/list_score.h"

namespace convrec::scoring {

enum class RewardRule { kExpInf, kExp, kLogDecay, kDcg };
constexpr std::array<const char*, 4> NamesOf(RewardRule) {
  return {"exp_inf", "exp", "log_decay", "dcg"};
}

// How the suffix sums of log_decay and dcg are computed; both agree within rounding (1e-12).
enum class SuffixSum {
  kDirect,            // From the last rank up: a rank without later hits gets exactly 0.
  kTotalMinusPrefix,  // As in the reference.
};

// Weights; 0 = off.
struct RewardTerms {
  // The rules as terms, so that they can be mixed.
  double exp_inf = 0;
  double exp = 0;
  double log_decay = 0;
  double dcg = 0;
  double format = 0;     // For a line that parses.
  double length = 0;     // Times 1 - |n - N| / N, at least 0, for each of the n ranks found.
  double novelty = 0;    // Times RankFacts::novelty.
  double diversity = 0;  // Times RankFacts::diversity.
};

struct RewardRules {
  RewardRule rule = RewardRule::kExpInf;
  double rule_weight = 1;
  double gamma = 2;                    // Base of exp; > 1.
  std::vector<double> discounts = {};  // For dcg, by rank; further ranks have 0.
  SuffixSum suffix_sum = SuffixSum::kDirect;
  // Added to a rank by its outcome.
  double duplicate_reward = 0;
  double off_catalog_reward = 0;
  double seen_reward = 0;
  double malformed_reward = 0;
  RewardTerms terms = {};
  double external_weight = 0;  // Weight of a rule outside this process; see external_rule.h.
};

// The facts about a rank that the rules use.
struct RankFacts {
  domain::LineOutcome outcome = domain::LineOutcome::kMiss;
  double novelty = 0;    // In [0, 1]; see item_traits.h. 0 for anything but a new item.
  double diversity = 0;  // In [0, 1]; likewise.
};

// "exp gamma=2" or "exp_inf duplicate=-0.15", for messages and Describe.
std::string DescribeRules(const RewardRules& rules);

// Rewards of ranks 1 to `num_ranks` from the ranks found, without the external rule; missing ranks
// count as misses, later ranks are ignored.
std::vector<double> RankRewards(const RewardRules& rules,
                                std::span<const RankFacts> ranks,
                                int num_ranks);

}  // namespace convrec::scoring
