// Answers to learn from, for data sets that have none, such as ReDial.
//
// The list of a row is made of these, in this order, until it has N items:
//   1. its own ground truth, each as the catalog item of that title nearest in year, at most two
//      years away, which is the item that a reward accepts for it;
//   2. items that dialogues of the training rows lead to when they mention the same titles. With
//      M(r) = titles seen in row r and titles of its truths, count(a, v) = training rows r with a
//      in M(r) and v a truth of r, and the score of v is the sum of count(a, v) over a in M(row);
//   3. items most often a truth in the training rows.
// Ties go to the item that is more often a truth, then to the more popular one in the catalog, then
// to the earlier one. Only catalog items that a line can name are listed, none of them twice and
// none that was seen in the dialogue. Titles are compared by TitleKey. Deterministic.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "libs/catalog/catalog.h"
#include "libs/data/dialogue_row.h"
#include "libs/lists/list_format.h"
#include "libs/lists/list_parser.h"

namespace convrec::data {

// Immutable after construction, thread-safe.
class CooccurrenceTeacher final {
 public:
  // Counts over `training_rows`, which must be the supervised rows only. `catalog` must outlive the
  // teacher. `style` and `counting` are those of the lists that the answers teach.
  CooccurrenceTeacher(const catalog::Catalog* catalog,
                      const std::vector<DialogueRow>& training_rows,
                      lists::ListStyle style,
                      int num_ranks = 20,
                      lists::RankCounting counting = lists::RankCounting::kByLine);

  // Up to `num_items` items, fewer only when the catalog runs out.
  std::vector<domain::Item> Recommend(const DialogueRow& row, int num_items) const;

  // The same as text, one per line, no line break at the end.
  std::string Completion(const DialogueRow& row, int num_items) const;

 private:
  using Index = size_t;  // An item's index in the catalog.

  std::optional<Index> CatalogItemOf(const domain::Item& truth) const;
  std::vector<Index> TruthsOf(const DialogueRow& row) const;
  std::vector<std::string> MentionsOf(const DialogueRow& row) const;
  // The TitleKey by which a seen title and a truth are the same.
  std::string MentionKey(const std::string& seen_title) const;
  // The items that the seen titles keep from the list, also when they are written in another case.
  std::vector<Index> SeenItems(const DialogueRow& row) const;
  // Items mentioned together with the row, best first.
  std::vector<Index> RankedCompanions(const DialogueRow& row) const;

  const catalog::Catalog* const catalog_;
  const lists::ListStyle style_;
  const lists::RankCounting counting_;
  std::vector<bool> is_listable_;     // By catalog index.
  std::vector<Index> by_popularity_;  // All items, most often a truth first.
  std::vector<size_t> place_;         // An item's position in by_popularity_.
  absl::flat_hash_map<std::string, absl::flat_hash_map<Index, int>> counts_;  // count(a, v).
};

}  // namespace convrec::data
