#include "services/learner/batch/microbatch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "libs/base/random.h"

namespace convrec::learner {
namespace {

using ::testing::ElementsAre;

TEST(MicrobatchTest, WholeGroupsStayTogetherWhileTheyFit) {
  const std::vector<GroupLengths> groups = {{10, {5, 5}}, {10, {5, 5}}, {10, {5, 5}}};
  // Two groups: 2 * 10 + 4 * 5 = 40 tokens; three would be 60.
  EXPECT_THAT(SplitByTokens(groups, 45),
              ElementsAre(Microbatch{{0, {0, 1}}, {1, {0, 1}}}, Microbatch{{2, {0, 1}}}));
}

TEST(MicrobatchTest, LargeGroupIsSplitBySiblings) {
  const std::vector<GroupLengths> groups = {{10, {5, 5, 5, 5}}};
  EXPECT_THAT(SplitByTokens(groups, 25),
              ElementsAre(Microbatch{{0, {0, 1, 2}}}, Microbatch{{0, {3}}}));
}

TEST(MicrobatchTest, TokensCountAsTheyAre) {
  const std::vector<GroupLengths> groups = {{2, {1}}, {20, {1, 4}}};
  EXPECT_EQ(NumTokens({{0, {0}}, {1, {0, 1}}}, groups), 28);
  EXPECT_EQ(SplitByTokens(groups, 28).size(), 1u);
  EXPECT_EQ(SplitByTokens(groups, 27).size(), 2u);
}

TEST(MicrobatchTest, OversizedCompletionGoesAlone) {
  const std::vector<GroupLengths> groups = {{4, {1, 100, 1}}};
  EXPECT_THAT(SplitByTokens(groups, 10),
              ElementsAre(Microbatch{{0, {0}}}, Microbatch{{0, {1}}}, Microbatch{{0, {2}}}));
}

TEST(MicrobatchTest, RandomSplitsHoldEverySiblingOnceWithinTheBudget) {
  base::RandomStream random(1, 2);
  for (int round = 0; round < 300; ++round) {
    std::vector<GroupLengths> groups(1 + random.Below(6));
    size_t num_siblings = 0;
    for (GroupLengths& group : groups) {
      group.prompt_tokens = static_cast<int64_t>(1 + random.Below(30));
      group.completion_tokens.resize(1 + random.Below(5));
      for (int64_t& length : group.completion_tokens)
        length = static_cast<int64_t>(random.Below(40));
      num_siblings += group.completion_tokens.size();
    }
    const auto budget = static_cast<int64_t>(20 + random.Below(200));
    std::set<std::pair<size_t, size_t>> seen;
    for (const Microbatch& microbatch : SplitByTokens(groups, budget)) {
      size_t rows = 0;
      for (const GroupSlice& slice : microbatch) {
        rows += slice.siblings.size();
        for (const size_t sibling : slice.siblings)
          EXPECT_TRUE(seen.insert({slice.group, sibling}).second);
      }
      EXPECT_GT(rows, 0u);
      EXPECT_TRUE(rows == 1 || NumTokens(microbatch, groups) <= budget);
    }
    EXPECT_EQ(seen.size(), num_siblings);
  }
}

}  // namespace
}  // namespace convrec::learner
