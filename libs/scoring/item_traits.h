// Properties of the catalog's items that the rules for novelty and diversity use.
//
//   novelty(item)   1 - log(1 + popularity) / log(1 + the largest popularity)
//   diversity of an item after others: 1 - the mean of |A n B| / |A u B| over the genres A of the
//   item and B of each earlier one; 1 for the first. An item without genres has 0 and shares
//   nothing with others.
// Immutable, so thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/catalog/catalog.h"
#include "libs/lists/list_judge.h"
#include "libs/scoring/reward_rules.h"

namespace convrec::scoring {

class ItemTraits final {
 public:
  // Reads from the catalog what `terms` need. FailedPrecondition when a term needs popularities or
  // genres that the catalog does not have.
  static absl::StatusOr<ItemTraits> Create(const catalog::Catalog& catalog,
                                           const RewardTerms& terms);

  // 0 when its term is off.
  double Novelty(size_t item) const;
  // 0 when its term is off. `earlier` are the items of the list so far.
  double Diversity(size_t item, std::span<const size_t> earlier) const;
  bool has_diversity() const { return !genre_ends_.empty(); }
  bool is_off() const { return log_most_popular_ == 0 && !has_diversity(); }

 private:
  explicit ItemTraits(const catalog::Catalog& catalog) : catalog_(catalog) {}
  std::span<const uint32_t> GenresOf(size_t item) const;

  catalog::Catalog catalog_;        // Shares its memory.
  double log_most_popular_ = 0;     // log(1 + the largest popularity); 0 = off.
  std::vector<size_t> genre_ends_;  // By item, in genres_; empty = off.
  std::vector<uint32_t> genres_;    // Numbers of genres, ascending within an item.
};

// The new items of a list, in order, and the facts about its ranks for the reward rules. Not
// thread-safe.
class NewItems final {
 public:
  explicit NewItems(const ItemTraits* traits) : traits_(traits) {}

  void Clear() { items_.clear(); }
  RankFacts FactsOf(const lists::JudgedLine& judged);

 private:
  const ItemTraits* const traits_;
  std::vector<size_t> items_;
};

}  // namespace convrec::scoring
