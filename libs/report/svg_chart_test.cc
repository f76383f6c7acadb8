#include "libs/report/svg_chart.h"

#include <algorithm>
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace convrec::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

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
}

TEST(SvgChartTest, NamesAreEscaped) {
  LineChart chart;
  chart.series = {{"<i>", "c1", {{0, 1}, {1, 2}}, false, false},
                  {"b", "c2", {{0, 1}}, false, false}};
  EXPECT_THAT(DrawLineChart(chart), Not(HasSubstr("<i>")));
  EXPECT_THAT(DrawLegend(chart.series), HasSubstr("&lt;i&gt;"));
}

}  // namespace
}  // namespace convrec::report
