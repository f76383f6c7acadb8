#include "libs/statistics/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace convrec::statistics {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Statistic kTable[] = {
    {.name = "ratio", .help = "A ratio.", .otherwise = 1},
    {.name = "by_rank", .shape = Shape::kByRank, .help = "By rank."},
    {.name = "groups", .shape = Shape::kCount, .help = "Groups."},
    {.name = "ndcg", .shape = Shape::kAtCutoffs, .help = "NDCG."},
};

TEST(ValuesTest, WhatIsNotSetIsWhatTheRowSaysOtherwise) {
  const Values<kTable> values;
  EXPECT_EQ(values["ratio"], 1);
  EXPECT_EQ(values.count("groups"), 0);
  EXPECT_THAT(values.list("by_rank"), IsEmpty());
  EXPECT_THAT(values.list("ndcg"), ElementsAre(0, 0, 0, 0));
}

TEST(ValuesTest, NamesAndRowsAreTheSameValues) {
  Values<kTable> values;
  values["ratio"] = 0.5;
  values["groups"] = 3;
  values.list("by_rank") = {1, 2};
  EXPECT_THAT(values.at(0), ElementsAre(0.5));
  EXPECT_THAT(values.at(1), ElementsAre(1, 2));
  values.Set(2, {4});
  EXPECT_EQ(values.count("groups"), 4);
  values.Set(3, {1, 2, 3, 4});
  EXPECT_EQ(values.list("ndcg").back(), 4);
}

TEST(ValuesTest, ARowIsTakenOverFromAnotherRecord) {
  Values<kTable> from, to;
  from["ratio"] = 2;
  from.list("by_rank") = {3};
  to.Copy(from, 0);
  to.Copy(from, 1);
  EXPECT_EQ(to["ratio"], 2);
  EXPECT_THAT(to.list("by_rank"), ElementsAre(3));
}

TEST(ValuesDeathTest, ANumberTakesOneValue) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Values<kTable> values;
  EXPECT_DEATH(values.Set(0, {1, 2}), "ratio");
}

}  // namespace
}  // namespace convrec::statistics
