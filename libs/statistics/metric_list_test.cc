#include "libs/statistics/metric_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "libs/base/files.h"
#include "libs/statistics/evaluation_table.h"
#include "libs/statistics/process_table.h"
#include "libs/statistics/step_table.h"
#include "tests/support/paths.h"

namespace convrec::statistics {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(MetricListTest, ExponentialBoundsMultiply) {
  EXPECT_THAT((Exponential<4>(1, 2)), ElementsAre(1, 2, 4, 8));
}

TEST(MetricListTest, LabelsHaveTheirClosedSets) {
  const std::vector<Label> labels = LabelsOf({.name = "x", .labels = "k side=low,high"});
  ASSERT_EQ(labels.size(), 2u);
  EXPECT_EQ(labels[0].name, "k");
  EXPECT_THAT(labels[0].values, IsEmpty());
  EXPECT_EQ(labels[1].name, "side");
  EXPECT_THAT(labels[1].values, ElementsAre("low", "high"));
}

TEST(MetricListTest, EveryNameStandsOnceInItsTable) {
  const auto check = [](std::span<const Statistic> table) {
    std::set<absl::string_view> names;
    for (const Statistic& row : table) {
      EXPECT_TRUE(names.insert(row.name).second) << row.name;
      EXPECT_FALSE(row.help.empty()) << row.name;
    }
  };
  check(kSftTable);
  check(kRlTable);
  check(kEvaluationTable);
}

TEST(MetricListTest, AChartHasRowsOfOneUnit) {
  for (const Statistic& row : kRlTable) {
    for (const Statistic& other : kRlTable) {
      if (row.chart.section == Section::kNone || row.chart.title != other.chart.title) continue;
      EXPECT_EQ(row.chart.section, other.chart.section) << row.name << " and " << other.name;
      EXPECT_EQ(row.unit, other.unit) << row.name << " and " << other.name;
    }
  }
}

TEST(MetricListTest, SharedMetricsNameTheSeriesOfEachRow) {
  for (const Statistic& row : kRlTable) {
    if (row.exported.family == nullptr || row.exported.label.empty()) continue;
    const std::vector<Label> labels = LabelsOf(*row.exported.family);
    ASSERT_EQ(labels.size(), 1u) << row.name;
    EXPECT_EQ(labels[0].name, row.exported.label);
    EXPECT_THAT(labels[0].values, ::testing::Contains(std::string(row.exported.value)));
  }
}

// The metrics that dashboards and alerts may read; tools/dev statistics writes the file.
TEST(MetricListTest, TheListOfDeployIsThatOfTheTables) {
  const std::string listed = *base::ReadFile(SourcePath("deploy/checks/metrics.txt"));
  EXPECT_TRUE(listed == FormatMetrics()) << "run tools/dev statistics";
}

}  // namespace
}  // namespace convrec::statistics
