#include "libs/config/scorer_options.h"

#include "libs/config/text_lists.h"

namespace convrec::config {

lists::RankCounting RankCountingOf(Compat compat) {
  return compat == Compat::kReference ? lists::RankCounting::kReference
                                      : lists::RankCounting::kByLine;
}

scoring::ListScorer::Options ScorerOptionsOf(const RunOptions& options) {
  const RewardOptions& reward = options.reward;
  const lists::RankCounting counting = RankCountingOf(options.compat);
  const bool is_reference = counting == lists::RankCounting::kReference;
  using scoring::SuffixSum;
  return {
      .num_ranks = options.data.num_ranks,
      .year_tolerance = reward.year_tolerance,
      .counting = counting,
      .evaluation_cut = reward.evaluation_cut,
      .rules = {.rule = reward.rule,
                .rule_weight = reward.rule_weight,
                // The base has no valid range when nothing uses it.
                .gamma = reward.gamma > 1 ? reward.gamma : 2,
                .discounts = ParseNumberList(reward.discounts).value_or(std::vector<double>()),
                .suffix_sum = is_reference ? SuffixSum::kTotalMinusPrefix : SuffixSum::kDirect,
                .duplicate_reward = reward.duplicate_reward,
                .off_catalog_reward = reward.off_catalog_reward,
                .seen_reward = reward.seen_reward,
                .malformed_reward = reward.malformed_reward,
                .terms = reward.terms,
                .external_weight = reward.external.address.empty() ? 0 : reward.external.weight},
      .catalog_year_tolerance = reward.matching.catalog_year_tolerance,
      .fuzzy = reward.matching.fuzzy,
      .fuzzy_threshold = reward.matching.fuzzy_threshold};
}

}  // namespace convrec::config
