// An immutable prefix tree over token sequences, in flat arrays.
//
// Nodes are numbered level by level and the root is 0, so the children of a node are consecutive;
// they are in ascending order of their tokens. Every sequence has its own leaf, where it diverges
// from all others; the tokens after that are not nodes but the leaf's tail. Takes 12 bytes per
// node, 4 per token of a tail and 12 per sequence. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace convrec::constraint {

// Concatenated sequences; an empty one keeps its number and is not in the trie.
struct TokenSequences {
  std::vector<int32_t> tokens;
  std::vector<size_t> begin = {0};  // Sequence i is tokens[begin[i]] up to tokens[begin[i + 1]].

  void Add(std::span<const int32_t> sequence);
  size_t size() const { return begin.size() - 1; }
  std::span<const int32_t> operator[](size_t i) const {
    return {tokens.data() + begin[i], begin[i + 1] - begin[i]};
  }
};

class TokenTrie final {
 public:
  static constexpr int32_t kRoot = 0;
  // Nodes [begin, end).
  struct Range {
    int32_t begin = 0;
    int32_t end = 0;
    int32_t size() const { return end - begin; }
  };

  // Dies when a sequence is a prefix of another one or equal to it.
  explicit TokenTrie(const TokenSequences& sequences);

  int32_t num_nodes() const { return static_cast<int32_t>(token_.size()); }
  Range children(int32_t node) const {
    const auto i = static_cast<size_t>(node);
    return {first_child_[i], first_child_[i + 1]};
  }
  bool is_leaf(int32_t node) const { return children(node).size() == 0; }
  int32_t parent(int32_t node) const { return parent_[static_cast<size_t>(node)]; }
  // The token between its parent and `node`; -1 for the root.
  int32_t token(int32_t node) const { return token_[static_cast<size_t>(node)]; }
  // Tokens of adjacent nodes.
  std::span<const int32_t> tokens(Range nodes) const {
    return {token_.data() + nodes.begin, static_cast<size_t>(nodes.size())};
  }
  std::optional<int32_t> FindChild(int32_t node, int32_t token) const;

  // The leaf of a sequence; nullopt when it is not in the trie.
  std::optional<int32_t> leaf(size_t sequence) const;
  size_t sequence(int32_t leaf) const { return static_cast<size_t>(by_leaf_[Position(leaf)]); }
  // What follows the leaf in its sequence.
  std::span<const int32_t> tail(int32_t leaf) const;
  // Tokens of the root's children.
  const std::vector<int32_t>& root_tokens() const { return root_tokens_; }

  size_t memory_bytes() const;

 private:
  // A leaf's index among the leaves.
  size_t Position(int32_t leaf) const;

  std::vector<int32_t> token_;
  std::vector<int32_t> parent_;
  std::vector<int32_t> first_child_;  // One more than there are nodes.
  std::vector<int32_t> leaf_;         // By sequence; -1 = not in the trie.
  std::vector<int32_t> by_leaf_;      // Sequences of the trie, in the order of their leaves.
  std::vector<int32_t> tails_;        // Tails in the same order.
  std::vector<int32_t> tail_begin_;   // One more than there are leaves.
  std::vector<int32_t> root_tokens_;
};

}  // namespace convrec::constraint
