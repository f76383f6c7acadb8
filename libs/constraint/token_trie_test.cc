#include "libs/constraint/token_trie.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "libs/base/random.h"
#include "libs/constraint/pruned_trie.h"

namespace convrec::constraint {
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
    const auto tail = trie.tail(node);
    path.insert(path.end(), tail.begin(), tail.end());
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
    size_t depth = 0;
    for (; !trie.is_leaf(node); ++depth) {
      const std::optional<int32_t> child = trie.FindChild(node, sequences[i][depth]);
      ASSERT_TRUE(child.has_value());
      node = *child;
    }
    const auto tail = trie.tail(node), rest = sequences[i].subspan(depth);
    EXPECT_TRUE(std::equal(tail.begin(), tail.end(), rest.begin(), rest.end()));
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
  EXPECT_EQ(trie.leaf(1), 1);
  EXPECT_EQ(trie.tail(1).front(), 3);
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

// The tokens that come next in any of the sequences that begin with `prefix`.
Sequence NextTokens(const std::set<Sequence>& sequences, const Sequence& prefix) {
  std::set<int32_t> next;
  for (const Sequence& sequence : sequences) {
    const bool begins_so = sequence.size() > prefix.size() &&
                           std::equal(prefix.begin(), prefix.end(), sequence.begin());
    if (begins_so) next.insert(sequence[prefix.size()]);
  }
  return {next.begin(), next.end()};
}

TEST(PrunedTrieTest, RandomRemovalsLeaveTheTokensOfWhatIsLeft) {
  const TokenSequences all = InOrderOf(RandomSequences(150, 9), 9);
  const TokenTrie trie(all);
  PrunedTrie pruned(&trie);
  std::set<Sequence> left;
  for (size_t i = 0; i < all.size(); ++i) left.emplace(all[i].begin(), all[i].end());
  for (const size_t gone : base::RandomPermutation(all.size(), 4, 4)) {
    EXPECT_TRUE(pruned.Remove(*trie.leaf(gone)));
    EXPECT_FALSE(pruned.Remove(*trie.leaf(gone)));
    left.erase(Sequence(all[gone].begin(), all[gone].end()));
    for (const Sequence& sequence : left) {
      Sequence prefix, scratch;
      for (int32_t node = TokenTrie::kRoot; !trie.is_leaf(node);) {
        ASSERT_EQ(pruned.Tokens(node, &scratch), NextTokens(left, prefix));
        prefix.push_back(sequence[prefix.size()]);
        node = *pruned.FindChild(node, prefix.back());
      }
    }
    const Sequence first = NextTokens(left, {});
    EXPECT_EQ(pruned.FindChild(TokenTrie::kRoot, all[gone].front()).has_value(),
              std::count(first.begin(), first.end(), all[gone].front()) > 0);
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
}  // namespace convrec::constraint
