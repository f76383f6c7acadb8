// The reward service's verdict on one list.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "libs/domain/item.h"

namespace convrec::domain {

enum class LineOutcome { kHit, kMiss, kOffCatalog, kDuplicate, kSeen, kMalformed };
constexpr std::array<const char*, 6> NamesOf(LineOutcome) {
  return {"hit", "miss", "off_catalog", "duplicate", "seen", "malformed"};
}

// How a line was matched to its item of the catalog.
enum class LineMatch {
  kNone,      // Not matched: malformed or off-catalog.
  kTitle,     // Exactly this title and year.
  kAlias,     // Exactly this alias and year.
  kNearYear,  // This title or alias, another year; only where a tolerance is set.
  kFuzzy,     // A similar title; only where fuzzy matching is on.
};
constexpr std::array<const char*, 5> NamesOf(LineMatch) {
  return {"none", "title", "alias", "near_year", "fuzzy"};
}

// The cutoffs of evaluation, in the order of the arrays below.
inline constexpr std::array<int, 4> kCutoffs = {5, 10, 15, 20};

// The cutoffs at which lists of `num_ranks` ranks are shown, N itself in the place of the first
// that reaches N: 5, 10, 12 for N = 12. Entry i belongs to entry i of the arrays.
inline std::vector<int> ShownCutoffs(int num_ranks) {
  std::vector<int> shown;
  for (const int cutoff : kCutoffs) {
    shown.push_back(std::min(cutoff, num_ranks));
    if (cutoff >= num_ranks) break;
  }
  return shown;
}

// One rank of a list; `line` counts non-blank lines of the text from 0. The outcome is the first
// that applies; the flags are independent of each other. Example: a repeated seen title has the
// outcome kSeen and both flags.
struct ScoredLine {
  int line = 0;
  Item item;  // Empty title and year 0 when malformed.
  LineOutcome outcome = LineOutcome::kMiss;
  bool in_catalog = false;    // Exactly this title (or an alias of it) and year.
  bool is_seen = false;       // The title was named in the dialogue.
  bool is_duplicate = false;  // The same item is at an earlier rank.
  LineMatch match = LineMatch::kNone;
  std::optional<int> ground_truth = {};  // For a hit: index of the ground truth it consumed.
};

struct ListScore {
  std::vector<float> rank_rewards;  // N; a missing rank has 0.
  std::vector<ScoredLine> lines;    // One per rank found, ranks past N included.
  std::array<double, 4> recall{};   // At kCutoffs, with the matching of method section 2.
  std::array<double, 4> ndcg{};
  std::array<double, 4> ndcg_strict{};  // Ideal DCG over min(k, number of ground truths).
  double in_catalog_ratio =
      0;  // Of the first N parsed items, titles case-folded, year within tolerance.
  double format_ratio = 0;  // Lines that parse / non-blank lines; 0 for an empty list.
};

}  // namespace convrec::domain
