#include "libs/constraint/list_constraint.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/lists/seen_titles.h"

namespace convrec::constraint {

ListConstraint::ListConstraint(std::shared_ptr<const TitleTrie> titles)
    : titles_(std::move(titles)),
      inner_(&titles_->inner()),
      last_(&titles_->last()),
      num_free_(titles_->num_titles()),
      forced_(titles_->number_tokens(0)) {}

void ListConstraint::Exclude(size_t item) {
  CR_CHECK(node_ == TokenTrie::kRoot, "titles are excluded between lines");
  const std::optional<int32_t> leaf = titles_->last().leaf(item);
  if (!leaf || !last_.Remove(*leaf)) return;
  if (const std::optional<int32_t> inner_leaf = titles_->inner().leaf(item)) {
    inner_.Remove(*inner_leaf);
  }
  --num_free_;
}

const std::vector<int32_t>& ListConstraint::Legal() {
  if (is_done_) {
    scratch_.clear();
    return scratch_;
  }
  if (!forced_.empty()) {
    scratch_.assign(1, forced_.front());
    return scratch_;
  }
  return lines().Tokens(node_, &scratch_);
}

void ListConstraint::Advance(int32_t token_id) {
  CR_CHECK(!is_done_, "the list is complete");
  const TokenTrie& trie = lines().trie();
  if (!forced_.empty()) {
    CR_CHECK(token_id == forced_.front(), "the token is not legal");
    forced_ = forced_.subspan(1);
  } else {
    const std::optional<int32_t> child = lines().FindChild(node_, token_id);
    CR_CHECK(child.has_value(), "the token is not legal");
    node_ = *child;
    if (trie.is_leaf(node_)) forced_ = trie.tail(node_);
  }
  if (forced_.empty() && trie.is_leaf(node_)) FinishLine();
}

void ListConstraint::FinishLine() {
  if (rank_ + 1 == titles_->num_ranks()) {
    is_done_ = true;
    return;
  }
  const size_t item = lines().trie().sequence(node_);
  ++rank_;
  node_ = TokenTrie::kRoot;
  forced_ = titles_->number_tokens(rank_);
  Exclude(item);
}

absl::StatusOr<domain::MakeTokenConstraint> MakeListConstraints(
    std::shared_ptr<const TitleTrie> titles, const std::vector<std::string>& seen_titles) {
  auto start = std::make_shared<ListConstraint>(titles);
  for (const std::string& title : seen_titles) {
    for (const size_t item : lists::ItemsSeen(titles->catalog(), title, titles->counting()))
      start->Exclude(item);
  }
  if (start->num_free() < static_cast<size_t>(titles->num_ranks())) {
    return absl::InvalidArgumentError(absl::StrCat("of ",
                                                   titles->num_titles(),
                                                   " titles ",
                                                   titles->num_titles() - start->num_free(),
                                                   " were named in the conversation: too few are "
                                                   "left for a list of ",
                                                   titles->num_ranks(),
                                                   " ranks"));
  }
  return domain::MakeTokenConstraint([start = std::shared_ptr<const ListConstraint>(start)] {
    return std::make_unique<ListConstraint>(*start);
  });
}

}  // namespace convrec::constraint
