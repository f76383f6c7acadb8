// Scores a list as the reward service would and explains for each line why it did or did not hit.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/catalog/catalog.h"
#include "libs/catalog/title_search.h"
#include "libs/lists/list_judge.h"
#include "libs/lists/ranking_metrics.h"
#include "libs/scoring/list_scorer.h"
#include "tools/convrec/lists_file.h"

namespace convrec::cli {

struct ExplainedLine {
  std::string text;  // The line, unchanged.
  domain::Item item;
  lists::JudgedLine judged;
  std::optional<double> reward;  // None past rank N.
  std::string why;               // A clause.
  // What an off-catalog line may have meant; an item of the catalog.
  std::optional<catalog::TitleSearch::Found> suggestion;
};

struct ExplainedList {
  std::vector<ExplainedLine> lines;  // By rank.
  std::vector<double> rank_rewards;  // N; a missing rank has the reward that the rules give it.
  int num_hits = 0;
  double in_catalog_ratio = 0;
  double format_ratio = 0;
  std::optional<lists::RankingMetrics> metrics;  // None without a ground truth.
};

// Not thread-safe.
class ListExplainer final {
 public:
  // FailedPrecondition if a rule needs something that the catalog does not have.
  static absl::StatusOr<std::unique_ptr<ListExplainer>> Create(
      const catalog::Catalog& catalog, const scoring::ListScorer::Options& options);

  ExplainedList Explain(const ListToScore& list);

  const scoring::ListScorer& scorer() const { return *scorer_; }
  const catalog::Catalog& catalog() const { return scorer_->catalog(); }

 private:
  explicit ListExplainer(std::shared_ptr<const scoring::ListScorer> scorer);

  std::string WhyOf(const ListToScore& list,
                    const lists::ListLine& line,
                    const ExplainedLine& explained) const;
  // Why an item of the catalog hit nothing.
  std::string WhyMissed(const ListToScore& list, const lists::ListLine& line) const;
  std::optional<catalog::TitleSearch::Found> Suggest(const lists::ListLine& line) const;
  std::string Shown(size_t item) const;

  const std::shared_ptr<const scoring::ListScorer> scorer_;
  const catalog::TitleSearch search_;  // For suggestions.
  lists::ListReader reader_;
  lists::ListJudge judge_;
  scoring::NewItems new_items_;
};

}  // namespace convrec::cli
