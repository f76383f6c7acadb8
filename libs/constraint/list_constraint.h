// Constrains one completion to a list of N different catalog titles, none of them named in the
// dialogue.
//
// Legal tokens are those that lead along the TitleTrie to a title that is still free. After the
// last title only the end token is legal, and after that nothing. A token costs time proportional
// to its node's children, a title one step per token; no cost grows with the catalog.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/constraint/pruned_trie.h"
#include "libs/constraint/title_trie.h"
#include "libs/domain/token_constraint.h"

namespace convrec::constraint {

// Copies are independent. Dies when an illegal token is taken.
class ListConstraint final : public domain::TokenConstraint {
 public:
  // Every title is free.
  explicit ListConstraint(std::shared_ptr<const TitleTrie> titles);

  // Excludes an item of the catalog from the rest of the list; call it between lines. Does nothing
  // for an item that is not in the trie. At least as many items as there are ranks to come must
  // remain.
  void Exclude(size_t item);

  const std::vector<int32_t>& Legal() override;
  void Advance(int32_t token_id) override;

  // The end token has been taken.
  bool is_done() const { return is_done_; }
  size_t num_free() const { return num_free_; }

 private:
  PrunedTrie& lines() { return rank_ + 1 < titles_->num_ranks() ? inner_ : last_; }
  void FinishLine();

  std::shared_ptr<const TitleTrie> titles_;
  PrunedTrie inner_;
  PrunedTrie last_;
  size_t num_free_;
  int rank_ = 0;                     // Rank of the line being written.
  std::span<const int32_t> forced_;  // Tokens without alternatives: a line's number, a leaf's tail.
  int32_t node_ = TokenTrie::kRoot;
  bool is_done_ = false;
  std::vector<int32_t> scratch_;
};

// Constraints for lists of one dialogue, without the items that its `seen_titles` block
// (lists/seen_titles.h). InvalidArgument when too few titles are left for a list.
absl::StatusOr<domain::MakeTokenConstraint> MakeListConstraints(
    std::shared_ptr<const TitleTrie> titles, const std::vector<std::string>& seen_titles);

}  // namespace convrec::constraint
