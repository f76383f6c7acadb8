#include "libs/report/curve.h"

#include <cmath>

#include "gtest/gtest.h"

namespace convrec::report {
namespace {

TEST(CurveTest, SmoothingAveragesNeighboursAndSkipsGaps) {
  const std::vector<Point> smoothed = Smoothed({{1, 3}, {2, 6}, {3, std::nan("")}, {4, 2}}, 3);
  EXPECT_EQ(smoothed[0].y, 4.5);  // (3 + 6) / 2
  EXPECT_EQ(smoothed[1].y, 4.5);  // (3 + 6) / 2, the gap left out
  EXPECT_EQ(smoothed[2].y, 4);    // (6 + 2) / 2
  EXPECT_EQ(smoothed[3].y, 2);
}

TEST(CurveTest, ThinningKeepsTheMeanAndTheLastStep) {
  const std::vector<Point> thinned = Thinned({{1, 1}, {2, 3}, {3, 5}, {4, 7}}, 2);
  ASSERT_EQ(thinned.size(), 2u);
  EXPECT_EQ(thinned[0].y, 2);
  EXPECT_EQ(thinned[1].y, 6);
  EXPECT_EQ(thinned[1].x, 4);
}

}  // namespace
}  // namespace convrec::report
