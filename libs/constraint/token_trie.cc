#include "libs/constraint/token_trie.h"

#include <algorithm>
#include <limits>

#include "libs/base/check.h"

namespace convrec::constraint {

void TokenSequences::Add(std::span<const int32_t> sequence) {
  tokens.insert(tokens.end(), sequence.begin(), sequence.end());
  begin.push_back(tokens.size());
}

TokenTrie::TokenTrie(const TokenSequences& sequences) : leaf_(sequences.size(), -1) {
  CR_CHECK(sequences.tokens.size() < std::numeric_limits<int32_t>::max(), "too many tokens");
  for (size_t i = 0; i < sequences.size(); ++i) {
    if (!sequences[i].empty()) by_leaf_.push_back(static_cast<int32_t>(i));
  }
  const auto at = [&sequences](int32_t i) { return sequences[static_cast<size_t>(i)]; };
  std::sort(by_leaf_.begin(), by_leaf_.end(), [&at](int32_t a, int32_t b) {
    const std::span<const int32_t> left = at(a), right = at(b);
    return std::lexicographical_compare(left.begin(), left.end(), right.begin(), right.end());
  });

  // A node is a range of the sorted sequences that agree in their first tokens; their number is the
  // node's level. The ranges of one level give those of the next.
  struct Prefix {
    int32_t node;
    size_t begin, end;
  };
  token_.push_back(-1);
  parent_.push_back(-1);
  std::vector<Prefix> level = {{kRoot, 0, by_leaf_.size()}};
  for (size_t depth = 0; !level.empty(); ++depth) {
    std::vector<Prefix> next;
    for (const Prefix& prefix : level) {
      first_child_.push_back(num_nodes());
      if (prefix.begin == prefix.end) continue;
      const std::span<const int32_t> sequence = at(by_leaf_[prefix.begin]);
      if (prefix.end == prefix.begin + 1 && depth > 0) {
        leaf_[static_cast<size_t>(by_leaf_[prefix.begin])] = prefix.node;
        tail_begin_.push_back(static_cast<int32_t>(tails_.size()));
        tails_.insert(tails_.end(), sequence.begin() + static_cast<int64_t>(depth), sequence.end());
        continue;
      }
      CR_CHECK(sequence.size() > depth, "a sequence is a prefix of another one");
      for (size_t begin = prefix.begin; begin < prefix.end;) {
        const int32_t token = at(by_leaf_[begin])[depth];
        size_t end = begin + 1;
        while (end < prefix.end && at(by_leaf_[end])[depth] == token) ++end;
        next.push_back({num_nodes(), begin, end});
        token_.push_back(token);
        parent_.push_back(prefix.node);
        begin = end;
      }
    }
    level = std::move(next);
  }
  first_child_.push_back(num_nodes());
  tail_begin_.push_back(static_cast<int32_t>(tails_.size()));
  for (auto* array : {&token_, &parent_, &first_child_, &tails_, &tail_begin_}) {
    array->shrink_to_fit();
  }
  std::sort(by_leaf_.begin(), by_leaf_.end(), [this](int32_t a, int32_t b) {
    return leaf_[static_cast<size_t>(a)] < leaf_[static_cast<size_t>(b)];
  });
  const std::span<const int32_t> root_tokens = tokens(children(kRoot));
  root_tokens_.assign(root_tokens.begin(), root_tokens.end());
}

std::optional<int32_t> TokenTrie::FindChild(int32_t node, int32_t token) const {
  const Range range = children(node);
  const std::span<const int32_t> candidates = tokens(range);
  const auto it = std::lower_bound(candidates.begin(), candidates.end(), token);
  if (it == candidates.end() || *it != token) return std::nullopt;
  return range.begin + static_cast<int32_t>(it - candidates.begin());
}

std::optional<int32_t> TokenTrie::leaf(size_t sequence) const {
  if (leaf_[sequence] < 0) return std::nullopt;
  return leaf_[sequence];
}

std::span<const int32_t> TokenTrie::tail(int32_t leaf) const {
  const size_t i = Position(leaf);
  const auto begin = static_cast<size_t>(tail_begin_[i]);
  return {tails_.data() + begin, static_cast<size_t>(tail_begin_[i + 1]) - begin};
}

size_t TokenTrie::Position(int32_t leaf) const {
  const auto it =
      std::lower_bound(by_leaf_.begin(), by_leaf_.end(), leaf, [this](int32_t i, int32_t node) {
        return leaf_[static_cast<size_t>(i)] < node;
      });
  CR_CHECK(it != by_leaf_.end() && leaf_[static_cast<size_t>(*it)] == leaf, "no leaf of the trie");
  return static_cast<size_t>(it - by_leaf_.begin());
}

size_t TokenTrie::memory_bytes() const {
  size_t count = 0;
  for (const auto* array : {&token_,
                            &parent_,
                            &first_child_,
                            &leaf_,
                            &by_leaf_,
                            &tails_,
                            &tail_begin_,
                            &root_tokens_}) {
    count += array->capacity();
  }
  return count * sizeof(int32_t);
}

}  // namespace convrec::constraint
