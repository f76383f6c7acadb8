#include "libs/report/svg_heatmap.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace convrec::report {
namespace {

using ::testing::HasSubstr;

TEST(SvgHeatmapTest, MarksNegativeValues) {
  Heatmap heatmap;
  heatmap.xs = {1, 2};
  heatmap.values = {{0.5, -0.25}, {1.0, 0.0}};
  const std::string svg = DrawHeatmap(heatmap);
  EXPECT_THAT(svg, HasSubstr("heat negative"));
  EXPECT_THAT(svg, HasSubstr("step 1, rank 2: -0.25"));
  EXPECT_THAT(DrawScale(heatmap), HasSubstr("-1"));
}

TEST(SvgHeatmapTest, NothingToDrawGivesNothing) { EXPECT_EQ(DrawHeatmap({}), ""); }

}  // namespace
}  // namespace convrec::report
