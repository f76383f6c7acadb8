// A TokenTrie without some of its leaves, as one list sees it.
//
// Costs what has been removed, not what the trie holds: a node whose last leaf goes is marked dead,
// and so are ancestors that thereby lose all children. Copyable; not thread-safe.
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

  // False when the leaf has been removed before.
  bool Remove(int32_t leaf);
  bool is_live(int32_t node) const { return !dead_.contains(node); }
  // The live child reached by `token`.
  std::optional<int32_t> FindChild(int32_t node, int32_t token) const;
  // Tokens of the live children, ascending. They stand in `scratch` or here, until the next call
  // with the same scratch or the next Remove(). The root's are not gathered anew.
  const std::vector<int32_t>& Tokens(int32_t node, std::vector<int32_t>* scratch) const;

 private:
  const TokenTrie* trie_;
  absl::flat_hash_set<int32_t> dead_;
  absl::flat_hash_map<int32_t, int32_t> num_dead_children_;  // Nodes with none are left out.
  std::vector<int32_t> root_tokens_;  // Of live children; used once the root has dead ones.
};

}  // namespace convrec::constraint
