// From the text of a list to its domain::ListScore.
//
// `counting` says which lines count as ranks for the rewards; the metrics of a score always follow
// the published evaluation. A score is a pure function of its arguments, the catalog and the
// options. Immutable, so thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libs/catalog/catalog.h"
#include "libs/catalog/list_parser.h"
#include "libs/catalog/ranking_metrics.h"
#include "libs/domain/item.h"
#include "libs/domain/list_score.h"
#include "services/reward/reward_rules.h"

namespace convrec::reward {

class ListScorer final {
 public:
  struct Options {
    int num_ranks = 20;      // N; > 0.
    int year_tolerance = 2;  // Years a release may differ from the ground truth; >= 0.
    catalog::RankCounting counting = catalog::RankCounting::kByLine;
    catalog::EvaluationCut evaluation_cut = catalog::EvaluationCut::kAfterFilter;
    RewardRules rules = {};
  };

  // `catalog` must outlive the scorer. Dies when the options break their ranges.
  ListScorer(const catalog::Catalog* catalog, const Options& options);

  // Dies on an empty ground truth. `text` may be any bytes.
  domain::ListScore Score(std::string_view text,
                          const std::vector<domain::Item>& ground_truth,
                          const std::vector<std::string>& seen_titles) const;

  // The rule set in one line: "exp_inf N=20 year_tolerance=2 by_line".
  std::string Describe() const;
  int num_ranks() const { return options_.num_ranks; }
  const catalog::Catalog& catalog() const { return *catalog_; }

 private:
  const catalog::Catalog* const catalog_;
  const Options options_;
};

}  // namespace convrec::reward
