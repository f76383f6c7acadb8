#include "services/reward/list_scorer.h"

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/catalog/hits.h"

namespace convrec::reward {

ListScorer::ListScorer(const catalog::Catalog* catalog, const Options& options)
    : catalog_(catalog), options_(options) {
  CR_CHECK(options.num_ranks > 0 && options.year_tolerance >= 0 && options.rules.gamma > 1);
}

domain::ListScore ListScorer::Score(std::string_view text,
                                    const std::vector<domain::Item>& ground_truth,
                                    const std::vector<std::string>& seen_titles) const {
  const catalog::RankedList list = catalog::ParseList(text, options_.counting);
  const std::vector<domain::LineOutcome> outcomes = catalog::JudgeRanks(
      list,
      ground_truth,
      seen_titles,
      *catalog_,
      {.num_ranks = options_.num_ranks, .year_tolerance = options_.year_tolerance});

  domain::ListScore score;
  for (const double reward : RankRewards(options_.rules, outcomes, options_.num_ranks)) {
    score.rank_rewards.push_back(static_cast<float>(reward));  // Summed in double, stored in float.
  }
  for (size_t k = 0; k < list.entries.size(); ++k) {
    const catalog::RankedEntry& entry = list.entries[k];
    score.lines.push_back({entry.source_line, entry.item, outcomes[k]});
  }

  const std::vector<domain::Item> items = list.Items();
  const catalog::EvaluationOptions evaluation = {.num_ranks = options_.num_ranks,
                                                 .year_tolerance = options_.year_tolerance,
                                                 .cut = options_.evaluation_cut};
  const catalog::RankingMetrics metrics =
      catalog::EvaluateList(items, ground_truth, seen_titles, *catalog_, evaluation);
  score.recall = metrics.recall;
  score.ndcg = metrics.ndcg;
  score.ndcg_strict = metrics.ndcg_strict;
  score.in_catalog_ratio = catalog::InCatalogRatio(items, *catalog_, evaluation);
  if (list.num_lines > 0) {
    score.format_ratio = static_cast<double>(items.size()) / static_cast<double>(list.num_lines);
  }
  return score;
}

std::string ListScorer::Describe() const {
  const bool by_line = options_.counting == catalog::RankCounting::kByLine;
  std::string text = absl::StrCat(DescribeRules(options_.rules),
                                  " N=",
                                  options_.num_ranks,
                                  " year_tolerance=",
                                  options_.year_tolerance,
                                  by_line ? " by_line" : " reference");
  if (options_.evaluation_cut == catalog::EvaluationCut::kBeforeFilter) {
    text += " cut=before_filter";
  }
  return text;
}

}  // namespace convrec::reward
