// From the text of a list to its domain::ListScore.
//
// `counting` says which lines count as ranks for the rewards; the metrics of a score always follow
// the published evaluation. A score is a pure function of its arguments, the catalog and the
// options. Immutable, so thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/catalog/catalog.h"
#include "libs/catalog/list_parser.h"
#include "libs/catalog/ranking_metrics.h"
#include "libs/domain/item.h"
#include "libs/domain/list_score.h"
#include "services/reward/item_traits.h"
#include "services/reward/reward_rules.h"

namespace convrec::reward {

// What the lists of a prompt are scored against.
struct Prompt {
  std::vector<domain::Item> ground_truth;  // Not empty.
  std::vector<std::string> seen_titles;
};

class ListScorer final {
 public:
  struct Options {
    int num_ranks = 20;      // N; > 0.
    int year_tolerance = 2;  // Years a release may differ from the ground truth; >= 0.
    catalog::RankCounting counting = catalog::RankCounting::kByLine;
    catalog::EvaluationCut evaluation_cut = catalog::EvaluationCut::kAfterFilter;
    RewardRules rules = {};
  };

  // FailedPrecondition when a rule needs what the catalog does not have. Dies when the options
  // break their ranges. Shares the catalog's memory.
  static absl::StatusOr<std::shared_ptr<const ListScorer>> Create(const catalog::Catalog& catalog,
                                                                  const Options& options);

  // `text` may be any bytes. Without the external rule.
  domain::ListScore Score(std::string_view text, const Prompt& prompt) const;

  // The rule set in one line: "exp_inf N=20 year_tolerance=2 by_line".
  std::string Describe() const;
  const Options& options() const { return options_; }
  const catalog::Catalog& catalog() const { return catalog_; }
  const ItemTraits& traits() const { return traits_; }

 private:
  ListScorer(const catalog::Catalog& catalog, const Options& options, ItemTraits traits);

  const catalog::Catalog catalog_;
  const Options options_;
  const ItemTraits traits_;
};

}  // namespace convrec::reward
