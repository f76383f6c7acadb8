#include "libs/constraint/pruned_trie.h"

#include <algorithm>

#include "libs/base/check.h"

namespace convrec::constraint {

bool PrunedTrie::Remove(int32_t leaf) {
  CR_CHECK(trie_->is_leaf(leaf), "only leaves are removed");
  int32_t node = leaf;
  if (!dead_.insert(node).second) return false;
  while (node != TokenTrie::kRoot) {
    const int32_t parent = trie_->parent(node);
    const int32_t num_dead = ++num_dead_children_[parent];
    if (parent == TokenTrie::kRoot) {
      if (num_dead == 1) root_tokens_ = trie_->root_tokens();
      const auto it =
          std::lower_bound(root_tokens_.begin(), root_tokens_.end(), trie_->token(node));
      root_tokens_.erase(it);
    }
    if (num_dead < trie_->children(parent).size()) break;
    dead_.insert(parent);
    node = parent;
  }
  return true;
}

std::optional<int32_t> PrunedTrie::FindChild(int32_t node, int32_t token) const {
  const std::optional<int32_t> child = trie_->FindChild(node, token);
  return child && is_live(*child) ? child : std::nullopt;
}

const std::vector<int32_t>& PrunedTrie::Tokens(int32_t node, std::vector<int32_t>* scratch) const {
  const bool is_whole = !num_dead_children_.contains(node);
  if (node == TokenTrie::kRoot) return is_whole ? trie_->root_tokens() : root_tokens_;
  const TokenTrie::Range children = trie_->children(node);
  if (is_whole) {
    const auto tokens = trie_->tokens(children);
    scratch->assign(tokens.begin(), tokens.end());
    return *scratch;
  }
  scratch->clear();
  for (int32_t child = children.begin; child < children.end; ++child) {
    if (is_live(child)) scratch->push_back(trie_->token(child));
  }
  return *scratch;
}

}  // namespace convrec::constraint
