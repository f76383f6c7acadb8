#include "services/learner/parallel/work_split.h"

#include <gtest/gtest.h>

namespace convrec::learner {
namespace {

using Shares = std::vector<std::vector<size_t>>;

TEST(WorkSplitTest, BalancesCostsAndKeepsTheOrderWithinARank) {
  EXPECT_EQ(SplitByCost({1, 9, 2, 4, 4}, 2), (Shares{{0, 1}, {2, 3, 4}}));
  EXPECT_EQ(SplitByCost({5, 5, 5, 5}, 2), (Shares{{0, 2}, {1, 3}}));
}

TEST(WorkSplitTest, RanksBeyondTheGroupsGetNone) {
  EXPECT_EQ(SplitByCost({3}, 3), (Shares{{0}, {}, {}}));
  EXPECT_EQ(SplitByCost({}, 2), (Shares{{}, {}}));
}

}  // namespace
}  // namespace convrec::learner
