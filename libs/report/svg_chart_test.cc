#include "libs/report/svg_chart.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace convrec::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(SvgChartTest, TicksAreRoundAndCoverTheRange) {
  EXPECT_THAT(NiceTicks(0, 100, 4), ElementsAre(0, 25, 50, 75, 100));
  EXPECT_THAT(NiceTicks(0, 0.37, 4), ElementsAre(0, 0.1, 0.2, ::testing::DoubleEq(0.1 * 3), 0.4));
  const std::vector<double> ticks = NiceTicks(-0.03, 0.031, 4);
  EXPECT_LE(ticks.front(), -0.03);
  EXPECT_GE(ticks.back(), 0.031);
}

TEST(SvgChartTest, SmoothingAveragesNeighboursAndSkipsGaps) {
  const std::vector<Point> smoothed = Smoothed({{1, 3}, {2, 6}, {3, std::nan("")}, {4, 2}}, 3);
  EXPECT_EQ(smoothed[0].y, 4.5);  // (3 + 6) / 2
  EXPECT_EQ(smoothed[1].y, 4.5);  // (3 + 6) / 2, the gap left out
  EXPECT_EQ(smoothed[2].y, 4);    // (6 + 2) / 2
  EXPECT_EQ(smoothed[3].y, 2);
}

TEST(SvgChartTest, ThinningKeepsTheMeanAndTheLastStep) {
  const std::vector<Point> thinned = Thinned({{1, 1}, {2, 3}, {3, 5}, {4, 7}}, 2);
  ASSERT_EQ(thinned.size(), 2u);
  EXPECT_EQ(thinned[0].y, 2);
  EXPECT_EQ(thinned[1].y, 6);
  EXPECT_EQ(thinned[1].x, 4);
}

TEST(SvgChartTest, LineBreaksAtAGap) {
  LineChart chart;
  chart.series = {
      {"reward", "c1", {{0, 0}, {1, 1}, {2, std::nan("")}, {3, 1}, {4, 0}}, false, false}};
  const std::string svg = DrawLineChart(chart);
  const std::string path = svg.substr(svg.find("class=\"line"));
  const std::string d =
      path.substr(path.find("d=\"") + 3, path.find("\"/>") - path.find("d=\"") - 3);
  EXPECT_EQ(std::count(d.begin(), d.end(), 'M'), 2);
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(SvgChartTest, FlatSeriesAndOnePointAreDrawn) {
  LineChart chart;
  chart.series = {{"kl", "c1", {{5, 0}}, false, false}};
  const std::string svg = DrawLineChart(chart);
  EXPECT_THAT(svg, HasSubstr("<svg"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

TEST(SvgChartTest, NothingToDrawGivesNothing) {
  EXPECT_EQ(DrawLineChart({}), "");
  EXPECT_EQ(DrawStackedChart({}), "");
  EXPECT_EQ(DrawHeatmap({}), "");
}

TEST(SvgChartTest, NamesAreEscaped) {
  LineChart chart;
  chart.series = {{"<i>", "c1", {{0, 1}, {1, 2}}, false, false},
                  {"b", "c2", {{0, 1}}, false, false}};
  EXPECT_THAT(DrawLineChart(chart), Not(HasSubstr("<i>")));
  EXPECT_THAT(DrawLegend(chart.series), HasSubstr("&lt;i&gt;"));
}

TEST(SvgChartTest, HeatmapMarksNegativeValues) {
  Heatmap heatmap;
  heatmap.xs = {1, 2};
  heatmap.values = {{0.5, -0.25}, {1.0, 0.0}};
  const std::string svg = DrawHeatmap(heatmap);
  EXPECT_THAT(svg, HasSubstr("heat negative"));
  EXPECT_THAT(svg, HasSubstr("step 1, rank 2: -0.25"));
  EXPECT_THAT(DrawScale(heatmap), HasSubstr("-1"));
}

}  // namespace
}  // namespace convrec::report
