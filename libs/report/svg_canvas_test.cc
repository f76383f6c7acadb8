#include "libs/report/svg_canvas.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace convrec::report {
namespace {

using ::testing::ElementsAre;

TEST(SvgCanvasTest, TicksAreRoundAndCoverTheRange) {
  EXPECT_THAT(NiceTicks(0, 100, 4), ElementsAre(0, 25, 50, 75, 100));
  EXPECT_THAT(NiceTicks(0, 0.37, 4), ElementsAre(0, 0.1, 0.2, ::testing::DoubleEq(0.1 * 3), 0.4));
  const std::vector<double> ticks = NiceTicks(-0.03, 0.031, 4);
  EXPECT_LE(ticks.front(), -0.03);
  EXPECT_GE(ticks.back(), 0.031);
}

}  // namespace
}  // namespace convrec::report
