// Scores the text of a list: gives its domain::ListScore.
//
// `counting` says which lines count as ranks for the rewards; the metrics of a score always follow
// the published evaluation. A score is a pure function of its arguments, the catalog and the
// options. Immutable, so thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/catalog/catalog.h"
#include "libs/catalog/title_search.h"
#include "libs/domain/item.h"
#include "libs/domain/list_score.h"
#include "libs/lists/list_judge.h"
#include "libs/lists/list_reader.h"
#include "libs/lists/list_target.h"
#include "libs/lists/odd_titles.h"
#include "libs/lists/ranking_metrics.h"
#include "libs/scoring/item_traits.h"
#include "libs/scoring/reward_rules.h"

namespace convrec::scoring {

// The reference that the lists of a prompt are scored against.
struct Prompt {
  std::vector<domain::Item> ground_truth;  // Not empty.
  std::vector<std::string> seen_titles;
};

class ListScorer final {
 public:
  struct Options {
    int num_ranks = 20;      // N; > 0.
    int year_tolerance = 2;  // Years a release may differ from the ground truth; >= 0.
    lists::RankCounting counting = lists::RankCounting::kByLine;
    lists::EvaluationCut evaluation_cut = lists::EvaluationCut::kAfterFilter;
    RewardRules rules = {};
    // When a line that is not exactly in the catalog counts as one of its items, for rewards.
    int catalog_year_tolerance = 0;
    std::optional<catalog::Similarity> fuzzy = {};  // Absent = off.
    double fuzzy_threshold = 0.9;                   // In (0, 1].
  };

  // The rule set on one line: "exp_inf N=20 year_tolerance=2 by_line".
  static std::string DescribeScoring(const Options& options);
  // A digest that is equal for options that score every list alike, whatever the catalog.
  static std::string ScoringDigest(const Options& options);

  // FailedPrecondition when a rule needs data that the catalog does not have. Dies when options are
  // out of range. Shares the catalog's memory.
  static absl::StatusOr<std::shared_ptr<const ListScorer>> Create(const catalog::Catalog& catalog,
                                                                  const Options& options);

  lists::ListTarget Prepare(const Prompt& prompt) const;
  // Scores a single list, without the external rule; see ScoreSession for many lists.
  domain::ListScore Score(std::string_view text, const Prompt& prompt) const;

  std::string Describe() const { return DescribeScoring(options_); }
  // See ScoringDigest().
  const std::string& rules_digest() const { return rules_digest_; }
  const Options& options() const { return options_; }
  const catalog::Catalog& catalog() const { return catalog_; }
  const ItemTraits& traits() const { return traits_; }
  lists::HitOptions hit_options() const;
  lists::EvaluationOptions evaluation_options() const;
  // How lines are read: nullptr, for the grammar alone, by RankCounting::kReference.
  const lists::OddTitles* odd_titles() const { return odd_titles_.get(); }

 private:
  ListScorer(const catalog::Catalog& catalog, const Options& options, ItemTraits traits);

  const catalog::Catalog catalog_;
  const Options options_;
  const std::string rules_digest_;
  const ItemTraits traits_;
  std::unique_ptr<const catalog::TitleSearch> search_;  // nullptr without fuzzy matching.
  std::unique_ptr<const lists::OddTitles> odd_titles_;
};

// Scores one list after another and reuses its memory. Not thread-safe; the scorer must outlive it.
class ScoreSession final {
 public:
  explicit ScoreSession(const ListScorer* scorer);

  // Without the external rule. `text` may be any bytes; `target` must come from this scorer.
  void Score(std::string_view text, const lists::ListTarget& target, domain::ListScore* score);

  const ListScorer* scorer() const { return scorer_; }

 private:
  const ListScorer* const scorer_;
  lists::ListReader reader_;
  lists::ListJudge judge_;
  std::vector<RankFacts> facts_;
  NewItems new_items_;
};

}  // namespace convrec::scoring
