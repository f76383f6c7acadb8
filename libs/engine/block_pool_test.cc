#include "libs/engine/block_pool.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "libs/base/random.h"
#include "libs/engine/prefix_cache.h"

namespace convrec::engine {
namespace {

// Compares the pool with a map of reference counts: after each random operation every block is
// either free or held as often as the map says.
TEST(BlockPool, RandomOperationsAgreeWithANaiveModelAndConserveBlocks) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    base::RandomStream random(seed, 1);
    const int num_blocks = 1 + static_cast<int>(random.Below(40));
    BlockPool pool(num_blocks);
    std::map<int32_t, int> held;
    int peak = 0;
    for (int step = 0; step < 2000; ++step) {
      const auto any_held = [&] {
        auto it = held.begin();
        std::advance(it, static_cast<int64_t>(random.Below(held.size())));
        return it->first;
      };
      switch (random.Below(4)) {
        case 0:
        case 1:
          if (pool.num_free() > 0) {
            const int32_t block = pool.Allocate();
            EXPECT_TRUE(block >= 0 && block < num_blocks);
            EXPECT_FALSE(held.contains(block)) << "a block in use was handed out";
            held[block] = 1;
          }
          break;
        case 2:
          if (!held.empty()) {
            const int32_t block = any_held();
            pool.Retain(block);
            ++held[block];
          }
          break;
        case 3:
          if (!held.empty()) {
            const int32_t block = any_held();
            pool.Release(block);
            if (--held[block] == 0) held.erase(block);
          }
          break;
      }
      peak = std::max(peak, static_cast<int>(held.size()));
      ASSERT_EQ(pool.num_used(), static_cast<int>(held.size()));
      ASSERT_EQ(pool.num_used() + pool.num_free(), num_blocks);
      ASSERT_EQ(pool.peak_used(), peak);
      for (int32_t block = 0; block < num_blocks; ++block) {
        ASSERT_EQ(pool.references(block), held.contains(block) ? held[block] : 0);
      }
    }
  }
}

// Prompts with few token values, so that many share a prefix. The naive model is the set of all
// cached prefixes with their blocks.
TEST(PrefixCache, RandomPromptsFindExactlyTheKeptBeginningsAndNothingLeaks) {
  constexpr int kTokens = 2;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    base::RandomStream random(seed, 2);
    BlockPool pool(24);
    PrefixCache cache(&pool, kTokens);
    std::map<std::vector<int32_t>, int32_t> kept;
    std::vector<std::vector<int32_t>> running;  // Block lists that somebody holds.
    std::vector<int32_t> blocks;                // The one that is being made.
    const auto held_by_others = [&](int32_t block) {
      if (std::find(blocks.begin(), blocks.end(), block) != blocks.end()) return true;
      for (const auto& held : running) {
        if (std::find(held.begin(), held.end(), block) != held.end()) return true;
      }
      return false;
    };
    // What the cache no longer finds has been evicted; the model forgets it too.
    const auto evict = [&] {
      const int before = cache.num_blocks();
      const bool evicted = cache.Evict();
      bool possible = false;
      for (const auto& [tokens, block] : kept) possible = possible || !held_by_others(block);
      EXPECT_EQ(evicted, possible);
      EXPECT_EQ(cache.num_blocks(), before - (evicted ? 1 : 0));
      for (auto it = kept.begin(); it != kept.end();) {
        it = pool.references(it->second) == 0 ? kept.erase(it) : std::next(it);
      }
      return evicted;
    };
    for (int step = 0; step < 600; ++step) {
      if (!running.empty() && random.Below(2) == 0) {
        const size_t index = random.Below(running.size());
        for (const int32_t block : running[index]) pool.Release(block);
        running.erase(running.begin() + static_cast<int64_t>(index));
      } else {
        std::vector<int32_t> tokens(kTokens * (1 + random.Below(4)));
        for (int32_t& token : tokens) token = static_cast<int32_t>(random.Below(2));
        const int most = static_cast<int>(tokens.size()) / kTokens;
        blocks = cache.Lookup(tokens, most);
        std::vector<int32_t> expected;
        for (int i = 1; i <= most; ++i) {
          const auto it = kept.find({tokens.begin(), tokens.begin() + i * kTokens});
          if (it == kept.end()) break;
          expected.push_back(it->second);
        }
        EXPECT_EQ(blocks, expected);
        bool is_full = false;
        while (static_cast<int>(blocks.size()) < most && !is_full) {
          if (pool.num_free() == 0 && !evict()) is_full = true;
          if (!is_full) blocks.push_back(pool.Allocate());
        }
        cache.Insert(tokens, blocks);
        for (size_t i = 1; i <= blocks.size(); ++i) {
          const auto it = kept.try_emplace(
              {tokens.begin(), tokens.begin() + static_cast<int64_t>(i) * kTokens}, blocks[i - 1]);
          if (it.first->second != blocks[i - 1]) break;
        }
        running.push_back(std::move(blocks));
        blocks.clear();
      }
      EXPECT_EQ(cache.num_blocks(), static_cast<int>(kept.size()));
      std::set<int32_t> used;
      for (const auto& [tokens, block] : kept) used.insert(block);
      for (const auto& held : running) used.insert(held.begin(), held.end());
      ASSERT_EQ(pool.num_used(), static_cast<int>(used.size()))
          << "seed " << seed << " step " << step;
    }
    for (const auto& held : running) {
      for (const int32_t block : held) pool.Release(block);
    }
    cache.Clear();
    EXPECT_EQ(pool.num_used(), 0);
  }
}

TEST(PrefixCache, TheLeastRecentlyUsedEndGoesFirst) {
  BlockPool pool(8);
  PrefixCache cache(&pool, 1);
  const int32_t a = pool.Allocate(), b = pool.Allocate(), c = pool.Allocate();
  cache.Insert({1, 2}, {a, b});
  cache.Insert({3}, {c});
  for (const int32_t block : {a, b, c}) pool.Release(block);
  for (const int32_t block : cache.Lookup({1, 2}, 2)) pool.Release(block);
  ASSERT_TRUE(cache.Evict());
  EXPECT_TRUE(cache.Lookup({3}, 1).empty());
  ASSERT_TRUE(cache.Evict());
  const auto left = cache.Lookup({1, 2}, 2);
  EXPECT_EQ(left, std::vector<int32_t>{a});
}

}  // namespace
}  // namespace convrec::engine
