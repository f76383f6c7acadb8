#include "libs/catalog/token_trie.h"

#include <gtest/gtest.h>

#include <set>

#include "libs/base/random.h"
#include "libs/catalog/pruned_trie.h"

namespace convrec::catalog {
namespace {

using Sequence = std::vector<int32_t>;

// Different sequences over a small alphabet; 0 ends each, so none is a prefix of another.
std::set<Sequence> RandomSequences(size_t count, uint64_t seed) {
  base::RandomStream random(seed, 3);
  std::set<Sequence> sequences;
  while (sequences.size() < count) {
    Sequence sequence;
    for (uint64_t n = random.Below(6); n > 0; --n) {
      sequence.push_back(1 + static_cast<int32_t>(random.Below(4)));
    }
    sequence.push_back(0);
    sequences.insert(sequence);
  }
  return sequences;
}

TokenSequences InOrderOf(const std::set<Sequence>& sequences, uint64_t seed) {
  const std::vector<Sequence> sorted(sequences.begin(), sequences.end());
  TokenSequences result;
  for (const size_t i : base::RandomPermutation(sorted.size(), seed, 0)) result.Add(sorted[i]);
  return result;
}

// Tokens from the root to each leaf.
void CollectPaths(const TokenTrie& trie, int32_t node, Sequence path, std::set<Sequence>* paths) {
  const TokenTrie::Range children = trie.children(node);
  if (children.size() == 0) {
    EXPECT_TRUE(paths->insert(path).second);
    return;
  }
  for (int32_t child = children.begin; child < children.end; ++child) {
    EXPECT_EQ(trie.parent(child), node);
    if (child > children.begin) {
      EXPECT_LT(trie.token(child - 1), trie.token(child));
    }
    path.push_back(trie.token(child));
    CollectPaths(trie, child, path, paths);
    path.pop_back();
  }
}

TEST(TokenTrieTest, PathsAreExactlyTheSequences) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const std::set<Sequence> sequences = RandomSequences(1 + 20 * seed, seed);
    const TokenTrie trie(InOrderOf(sequences, seed));
    std::set<Sequence> paths;
    CollectPaths(trie, TokenTrie::kRoot, {}, &paths);
    EXPECT_EQ(paths, sequences);
  }
}

TEST(TokenTrieTest, EverySequenceLeadsToItsLeaf) {
  const TokenSequences sequences = InOrderOf(RandomSequences(300, 5), 5);
  const TokenTrie trie(sequences);
  for (size_t i = 0; i < sequences.size(); ++i) {
    int32_t node = TokenTrie::kRoot;
    for (const int32_t token : sequences[i]) {
      const std::optional<int32_t> child = trie.FindChild(node, token);
      ASSERT_TRUE(child.has_value());
      node = *child;
    }
    EXPECT_TRUE(trie.is_leaf(node));
    EXPECT_EQ(trie.leaf(i), node);
    EXPECT_EQ(trie.sequence(node), i);
    EXPECT_EQ(trie.FindChild(node, 1), std::nullopt);
  }
}

TEST(TokenTrieTest, EmptySequencesKeepTheirNumberAndAreLeftOut) {
  TokenSequences sequences;
  sequences.Add({});
  sequences.Add(Sequence{7, 3});
  const TokenTrie trie(sequences);
  EXPECT_EQ(trie.leaf(0), std::nullopt);
  EXPECT_EQ(trie.leaf(1), 2);
  EXPECT_EQ(trie.root_tokens(), Sequence{7});
}

TEST(TokenTrieTest, NoSequencesLeaveTheRootAlone) {
  const TokenTrie trie(TokenSequences{});
  EXPECT_EQ(trie.num_nodes(), 1);
  EXPECT_TRUE(trie.is_leaf(TokenTrie::kRoot));
}

TEST(TokenTrieDeathTest, APrefixOfAnotherSequenceIsRefused) {
  TokenSequences sequences;
  sequences.Add(Sequence{1, 2});
  sequences.Add(Sequence{1});
  EXPECT_DEATH(TokenTrie{sequences}, "prefix");
}

// Random removals against a trie built anew from what is left.
TEST(PrunedTrieTest, RemovingLeavesEqualsBuildingWithoutThem) {
  const TokenSequences all = InOrderOf(RandomSequences(200, 9), 9);
  const TokenTrie trie(all);
  PrunedTrie pruned(&trie);
  std::vector<bool> is_gone(all.size(), false);
  for (const size_t gone : base::RandomPermutation(all.size(), 4, 4)) {
    EXPECT_TRUE(pruned.Remove(*trie.leaf(gone)));
    EXPECT_FALSE(pruned.Remove(*trie.leaf(gone)));
    is_gone[gone] = true;
    TokenSequences left;
    for (size_t i = 0; i < all.size(); ++i) {
      left.Add(is_gone[i] ? std::span<const int32_t>() : all[i]);
    }
    const TokenTrie expected(left);
    // Along every sequence that is left, both offer the same tokens.
    for (size_t i = 0; i < all.size(); i += 7) {
      int32_t node = TokenTrie::kRoot, twin = TokenTrie::kRoot;
      for (const int32_t token : left[i]) {
        Sequence scratch;
        const auto tokens = expected.tokens(expected.children(twin));
        ASSERT_EQ(pruned.Tokens(node, &scratch), Sequence(tokens.begin(), tokens.end()));
        node = *pruned.FindChild(node, token);
        twin = *expected.FindChild(twin, token);
      }
    }
  }
  Sequence scratch;
  EXPECT_TRUE(pruned.Tokens(TokenTrie::kRoot, &scratch).empty());
}

TEST(PrunedTrieTest, CopiesAreIndependent) {
  const TokenTrie trie(InOrderOf({{1, 0}, {2, 0}}, 1));
  const PrunedTrie whole(&trie);
  PrunedTrie pruned = whole;
  pruned.Remove(*trie.leaf(0));
  Sequence scratch;
  EXPECT_EQ(whole.Tokens(TokenTrie::kRoot, &scratch).size(), 2u);
  EXPECT_EQ(pruned.Tokens(TokenTrie::kRoot, &scratch).size(), 1u);
}

}  // namespace
}  // namespace convrec::catalog
