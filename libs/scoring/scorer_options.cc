#include "libs/scoring/scorer_options.h"

#include "libs/config/number_list.h"

namespace convrec::scoring {
namespace {

RewardRule RuleOf(config::RewardRule rule) {
  switch (rule) {
    case config::RewardRule::kExpInf:
      return RewardRule::kExpInf;
    case config::RewardRule::kExp:
      return RewardRule::kExp;
    case config::RewardRule::kLogDecay:
      return RewardRule::kLogDecay;
    case config::RewardRule::kDcg:
      return RewardRule::kDcg;
  }
  return RewardRule::kExpInf;
}

RewardTerms TermsOf(const config::RewardTermsOptions& terms) {
  return {.exp_inf = terms.exp_inf,
          .exp = terms.exp,
          .log_decay = terms.log_decay,
          .dcg = terms.dcg,
          .format = terms.format,
          .length = terms.length,
          .novelty = terms.novelty,
          .diversity = terms.diversity};
}

}  // namespace

ListScorer::Options ScorerOptionsOf(const config::RunOptions& options) {
  const config::RewardOptions& reward = options.reward;
  const bool is_reference = options.compat == config::Compat::kReference;
  ListScorer::Options scorer;
  scorer.num_ranks = options.data.num_ranks;
  scorer.year_tolerance = reward.year_tolerance;
  scorer.counting = is_reference ? lists::RankCounting::kReference : lists::RankCounting::kByLine;
  scorer.evaluation_cut = reward.evaluation_cut == config::EvaluationCut::kBeforeFilter
                              ? lists::EvaluationCut::kBeforeFilter
                              : lists::EvaluationCut::kAfterFilter;
  scorer.rules.rule = RuleOf(reward.rule);
  scorer.rules.rule_weight = reward.rule_weight;
  // Without rule exp the base has no meaning and no range.
  scorer.rules.gamma = reward.gamma > 1 ? reward.gamma : 2;
  scorer.rules.discounts =
      config::ParseNumberList(reward.discounts).value_or(std::vector<double>());
  scorer.rules.suffix_sum = is_reference ? SuffixSum::kTotalMinusPrefix : SuffixSum::kDirect;
  scorer.rules.duplicate_reward = reward.duplicate_reward;
  scorer.rules.off_catalog_reward = reward.off_catalog_reward;
  scorer.rules.seen_reward = reward.seen_reward;
  scorer.rules.malformed_reward = reward.malformed_reward;
  scorer.catalog_year_tolerance = reward.matching.catalog_year_tolerance;
  scorer.fuzzy_threshold = reward.matching.fuzzy_threshold;
  if (reward.matching.fuzzy == config::FuzzyMatching::kEdit) {
    scorer.fuzzy = catalog::Similarity::kEdit;
  } else if (reward.matching.fuzzy == config::FuzzyMatching::kTokenSort) {
    scorer.fuzzy = catalog::Similarity::kTokenSort;
  }
  scorer.rules.terms = TermsOf(reward.terms);
  if (!reward.external.address.empty()) scorer.rules.external_weight = reward.external.weight;
  return scorer;
}

}  // namespace convrec::scoring
