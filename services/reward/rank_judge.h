// Ranks of one list, in order, to scored lines and what the reward rules know of them.
#pragma once

#include <vector>

#include "absl/container/flat_hash_set.h"
#include "libs/catalog/list_parser.h"
#include "libs/domain/list_score.h"
#include "services/reward/list_scorer.h"
#include "services/reward/reward_rules.h"

namespace convrec::reward {

// Not thread-safe. Scorer and prompt must outlive it.
class RankJudge final {
 public:
  RankJudge(const ListScorer* scorer, const Prompt* prompt);

  struct Verdict {
    domain::ScoredLine line;
    RankFacts facts;
  };
  // The next rank.
  Verdict Judge(catalog::RankedEntry entry);

 private:
  std::optional<int> Consume(const std::string& key, int year);

  const ListScorer* const scorer_;
  const Prompt* const prompt_;
  std::vector<bool> is_consumed_;  // By ground truth.
  absl::flat_hash_set<domain::Item> listed_;
  std::vector<size_t> new_items_;  // Catalog indices of earlier hits and misses.
};

}  // namespace convrec::reward
