// From hits to rewards, one per rank (method section 4).
//
// With rel_k = 1 for a hit at rank k and 0 otherwise:
//   exp_inf    r_k = rel_k
//   exp        r_k = rel_k + r_{k+1} / gamma                    (exp_inf is its limit)
//   log_decay  r_k = sum_{j >= k} rel_j / log2(j + 1)           (DCG of ranks k to N)
// Example, N = 5, hits at 2 and 5: exp_inf 0 1 0 0 1; exp with gamma 2 .5625 1.125 .25 .5 1;
// log_decay 1.01778 1.01778 .38685 .38685 .38685.
#pragma once

#include <string>
#include <vector>

#include "libs/domain/list_score.h"

namespace convrec::reward {

enum class RewardRule { kExpInf, kExp, kLogDecay };

// How the suffix sums of log_decay are taken; they agree within rounding (1e-12).
enum class SuffixSum {
  kDirect,            // From the last rank up: a rank without later hits is exactly 0.
  kTotalMinusPrefix,  // As the reference.
};

struct RewardRules {
  RewardRule rule = RewardRule::kExpInf;
  double gamma = 2;  // Base of kExp; > 1.
  SuffixSum suffix_sum = SuffixSum::kDirect;
  // Added to a rank's own reward; 0 = off. Not part of the published method.
  double duplicate_reward = 0;
  double off_catalog_reward = 0;
  double seen_reward = 0;
  double malformed_reward = 0;
};

// "exp gamma=2" or "exp_inf duplicate=-0.15", for messages and Describe.
std::string DescribeRules(const RewardRules& rules);

// Rewards of ranks 1 to `num_ranks` from the outcomes of the ranks found; missing ranks count as
// misses, later ranks are ignored.
std::vector<double> RankRewards(const RewardRules& rules,
                                const std::vector<domain::LineOutcome>& outcomes,
                                int num_ranks);

}  // namespace convrec::reward
