#include "libs/statistics/tallies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace convrec::statistics {
namespace {

using ::testing::ElementsAre;

constexpr Statistic kTable[] = {
    {.name = "plain", .help = "Has no measure."},
    {.name = "mean", .help = "Mean.", .combine = Combine::kMean, .measure = "x"},
    {.name = "by_rank",
     .shape = Shape::kByRank,
     .help = "Mean by rank.",
     .otherwise = 7,
     .combine = Combine::kMean,
     .measure = "x"},
    {.name = "least", .help = "Least.", .combine = Combine::kMin, .measure = "x"},
    {.name = "most", .help = "Most.", .combine = Combine::kMax, .measure = "x"},
    {.name = "effective", .help = "Effective.", .combine = Combine::kEffective, .measure = "x"},
    {.name = "sum", .help = "Sum.", .combine = Combine::kSum, .measure = "y"},
    {.name = "missing",
     .help = "Nothing is measured.",
     .otherwise = 1,
     .combine = Combine::kMean,
     .measure = "z"},
};

TEST(TalliesTest, EveryRowOfAMeasureIsMadeAsItSays) {
  Tallies<kTable> tallies(2);
  tallies.Add("x", 1.5, 0);
  tallies.Add("x", 1, 0);
  tallies.Add("x", 0.5, 2);  // Past the last rank: counts only in the whole.
  tallies.Add("y", 3);
  tallies.Add("y", 4);
  Values<kTable> values;
  values["plain"] = 9;
  tallies.Write(&values);
  EXPECT_EQ(values["plain"], 9);
  EXPECT_EQ(values["mean"], 1);
  EXPECT_THAT(values.list("by_rank"), ElementsAre(1.25, 7));  // Nothing at rank 2.
  EXPECT_EQ(values["least"], 0.5);
  EXPECT_EQ(values["most"], 1.5);
  EXPECT_DOUBLE_EQ(values["effective"], 9.0 / 3.5 / 3);  // (1.5 + 1 + .5)^2 / (2.25 + 1 + .25) / 3
  EXPECT_EQ(values["sum"], 7);
  EXPECT_EQ(values["missing"], 1);
}

TEST(TalliesTest, WeightsThatAreAllZeroHaveNoEffectiveSample) {
  Tally tally;
  tally.Add(0);
  EXPECT_EQ(tally.Value(Combine::kEffective, 1), 0);
}

}  // namespace
}  // namespace convrec::statistics
