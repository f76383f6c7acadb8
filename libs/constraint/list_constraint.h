// Holds one completion to a list of N different catalog titles, none of them named in the dialogue.
//
// Legal tokens are those that lead on to a title still free, along the TitleTrie; after the last
// title only the end token is, and behind it nothing. A token costs the number of its node's
// children, a title as many steps as it has tokens; nothing here grows with the catalog.
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

// Copies are independent. Dies when a token is taken that is not legal.
class ListConstraint final : public domain::TokenConstraint {
 public:
  // Every title is free.
  explicit ListConstraint(std::shared_ptr<const TitleTrie> titles);

  // Takes an item of the catalog out of what may be listed, between lines; one that is not in the
  // trie is out already. At least as many as there are ranks to come must stay.
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
  int rank_ = 0;                     // Of the line being written.
  std::span<const int32_t> forced_;  // Without alternative: a line's number, a leaf's tail.
  int32_t node_ = TokenTrie::kRoot;
  bool is_done_ = false;
  std::vector<int32_t> scratch_;
};

// Constraints for lists of one dialogue, without the items that its `seen_titles` block
// (lists/seen_titles.h). InvalidArgument when too few titles are
// left for a list.
absl::StatusOr<domain::MakeTokenConstraint> MakeListConstraints(
    std::shared_ptr<const TitleTrie> titles, const std::vector<std::string>& seen_titles);

}  // namespace convrec::constraint
