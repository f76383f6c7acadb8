// A TokenTrie without some of its leaves, as one list sees it.
//
// Its cost depends on what has been removed, not on the size of the trie. A node that loses its
// last leaf is marked dead, and so are ancestors that thereby lose all children. Copyable; not
// thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "libs/constraint/token_trie.h"

namespace convrec::constraint {

class PrunedTrie final {
 public:
  // `trie` must outlive this and its copies.
  explicit PrunedTrie(const TokenTrie* trie) : trie_(trie) {}

  const TokenTrie& trie() const { return *trie_; }

  // False when the leaf was already removed.
  bool Remove(int32_t leaf);
  bool is_live(int32_t node) const { return !dead_.contains(node); }
  // The live child reached by `token`.
  std::optional<int32_t> FindChild(int32_t node, int32_t token) const;
  // Tokens of the live children, ascending. The result is in `scratch` or in this object and is
  // valid until the next call with the same scratch or the next Remove(). The root's tokens are not
  // gathered again.
  const std::vector<int32_t>& Tokens(int32_t node, std::vector<int32_t>* scratch) const;

 private:
  const TokenTrie* trie_;
  absl::flat_hash_set<int32_t> dead_;
  absl::flat_hash_map<int32_t, int32_t> num_dead_children_;  // Only nodes with at least one.
  std::vector<int32_t> root_tokens_;  // Of live children; used once the root has dead ones.
};

}  // namespace convrec::constraint
