#include "services/reward/list_scorer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "services/reward/rank_judge.h"

namespace convrec::reward {

absl::StatusOr<std::shared_ptr<const ListScorer>> ListScorer::Create(
    const catalog::Catalog& catalog, const Options& options) {
  CR_ASSIGN_OR_RETURN(ItemTraits traits, ItemTraits::Create(catalog, options.rules.terms));
  return std::shared_ptr<const ListScorer>(new ListScorer(catalog, options, std::move(traits)));
}

ListScorer::ListScorer(const catalog::Catalog& catalog, const Options& options, ItemTraits traits)
    : catalog_(catalog), options_(options), traits_(std::move(traits)) {
  CR_CHECK(options.num_ranks > 0 && options.year_tolerance >= 0 && options.rules.gamma > 1);
}

domain::ListScore ListScorer::Score(std::string_view text, const Prompt& prompt) const {
  catalog::RankedList list = catalog::ParseList(text, options_.counting);
  const std::vector<domain::Item> items = list.Items();
  domain::ListScore score;
  std::vector<RankFacts> facts;
  RankJudge judge(this, &prompt);
  for (catalog::RankedEntry& entry : list.entries) {
    RankJudge::Verdict verdict = judge.Judge(std::move(entry));
    score.lines.push_back(std::move(verdict.line));
    facts.push_back(verdict.facts);
  }
  for (const double reward : RankRewards(options_.rules, facts, options_.num_ranks)) {
    score.rank_rewards.push_back(static_cast<float>(reward));  // Summed in double, stored in float.
  }

  const catalog::EvaluationOptions evaluation = {.num_ranks = options_.num_ranks,
                                                 .year_tolerance = options_.year_tolerance,
                                                 .cut = options_.evaluation_cut};
  const catalog::RankingMetrics metrics =
      catalog::EvaluateList(items, prompt.ground_truth, prompt.seen_titles, catalog_, evaluation);
  score.recall = metrics.recall;
  score.ndcg = metrics.ndcg;
  score.ndcg_strict = metrics.ndcg_strict;
  score.in_catalog_ratio = catalog::InCatalogRatio(items, catalog_, evaluation);
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
