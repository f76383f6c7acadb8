#include "services/reward/reward_options.h"

namespace convrec::reward {
namespace {

RewardRule RuleOf(config::RewardRule rule) {
  switch (rule) {
    case config::RewardRule::kExpInf:
      return RewardRule::kExpInf;
    case config::RewardRule::kExp:
      return RewardRule::kExp;
    case config::RewardRule::kLogDecay:
      return RewardRule::kLogDecay;
  }
  return RewardRule::kExpInf;
}

}  // namespace

ListScorer::Options ScorerOptionsOf(const config::RunOptions& options) {
  const config::RewardOptions& reward = options.reward;
  const bool is_reference = options.compat == config::Compat::kReference;
  ListScorer::Options scorer;
  scorer.num_ranks = options.data.num_ranks;
  scorer.year_tolerance = reward.year_tolerance;
  scorer.counting =
      is_reference ? catalog::RankCounting::kReference : catalog::RankCounting::kByLine;
  scorer.evaluation_cut = reward.evaluation_cut == config::EvaluationCut::kBeforeFilter
                              ? catalog::EvaluationCut::kBeforeFilter
                              : catalog::EvaluationCut::kAfterFilter;
  scorer.rules.rule = RuleOf(reward.rule);
  scorer.rules.gamma = reward.gamma;
  scorer.rules.suffix_sum = is_reference ? SuffixSum::kTotalMinusPrefix : SuffixSum::kDirect;
  scorer.rules.duplicate_reward = reward.duplicate_reward;
  scorer.rules.off_catalog_reward = reward.off_catalog_reward;
  scorer.rules.seen_reward = reward.seen_reward;
  scorer.rules.malformed_reward = reward.malformed_reward;
  return scorer;
}

}  // namespace convrec::reward
