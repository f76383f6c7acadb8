// Every row of the tables of statistics is in every output that it asks for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "libs/base/files.h"
#include "libs/report/csv.h"
#include "libs/report/html.h"
#include "libs/report/run_log.h"
#include "libs/statistics/metric_list.h"
#include "services/learner/run/learner_metrics.h"
#include "tests/support/paths.h"

namespace convrec::learner {
namespace {

using statistics::Section;
using statistics::Shape;
using statistics::Statistic;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kNumRanks = 2;

// Another value in each row.
template <typename R>
R Filled() {
  R record;
  record.step = 1;
  for (size_t row = 0; row < record.rows().size(); ++row) {
    const Shape shape = record.rows()[row].shape;
    const double value = static_cast<double>(row) + 1;
    if (shape == Shape::kNumber || shape == Shape::kCount) {
      record.Set(row, {value});
    } else if (shape == Shape::kAtCutoffs) {
      record.Set(row, {value, value, value, value});
    } else {
      record.Set(row, {value, value});
    }
  }
  return record;
}

template <typename R>
void ExpectInLogAndCsv(const R& record) {
  const std::string line = report::FormatRecord(record);
  const std::string csv = report::ToCsv(std::vector<R>{record});
  const std::string head = absl::StrCat(",", csv.substr(0, csv.find('\n')), ",");
  for (const Statistic& row : record.rows()) {
    const std::string field = absl::StrCat("\"", row.name, "\":");
    const bool is_list = statistics::IsList(row.shape);
    const std::string column = absl::StrCat(",", row.name, is_list ? "_" : ",");
    if (row.is_logged) {
      EXPECT_THAT(line, HasSubstr(field));
      EXPECT_THAT(head, HasSubstr(column));
    } else {
      EXPECT_THAT(line, Not(HasSubstr(field)));
    }
  }
  const auto read = report::ParseRecord(line);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(report::FormatRecord(*read), line);
}

TEST(EveryStatisticTest, IsInLogAndCsv) {
  ExpectInLogAndCsv(Filled<report::SftStep>());
  ExpectInLogAndCsv(Filled<report::RlStep>());
  ExpectInLogAndCsv(Filled<report::Evaluation>());
}

TEST(EveryStatisticTest, IsExportedOnTheListAndOnABoard) {
  telemetry::Metrics metrics("run", "learner");
  const LearnerMetrics learner(&metrics, kNumRanks, 0);
  learner.Observe(Filled<report::SftStep>());
  learner.Observe(Filled<report::RlStep>());
  learner.ObserveEvaluation(Filled<report::Evaluation>());
  const std::string text = metrics.Serialize();
  std::string boards;
  for (const char* board : {"training", "services"}) {
    boards += *base::ReadFile(SourcePath(absl::StrCat("deploy/grafana/boards/", board, ".json")));
  }
  const std::string list = statistics::FormatMetrics();
  const auto check = [&](std::span<const Statistic> table) {
    for (const Statistic& row : table) {
      const std::string name(statistics::MetricOf(row).name);
      if (name.empty()) continue;
      EXPECT_THAT(text, HasSubstr(absl::StrCat("# TYPE ", name, " ")));
      EXPECT_THAT(list, HasSubstr(absl::StrCat(" ", name, " ")));
      EXPECT_THAT(boards, HasSubstr(name)) << "run tools/dev statistics";
    }
  };
  check(statistics::kSftTable);
  check(statistics::kRlTable);
  check(statistics::kEvaluationTable);
}

TEST(EveryStatisticTest, IsDrawnInTheReport) {
  report::RunLog log;
  report::AddRecord(Filled<report::SftStep>(), &log);
  report::AddRecord(Filled<report::RlStep>(), &log);
  report::Evaluation evaluation = Filled<report::Evaluation>();
  evaluation.stage = report::Stage::kRl;
  evaluation.split = report::Split::kTest;
  report::AddRecord(evaluation, &log);
  const std::string page = report::RenderPage(log, {});
  const auto check = [&](std::span<const Statistic> table) {
    for (const Statistic& row : table) {
      if (row.chart.section == Section::kNone) continue;
      EXPECT_THAT(page, HasSubstr(std::string(row.chart.title))) << row.name;
    }
  };
  check(statistics::kSftTable);
  check(statistics::kRlTable);
  check(statistics::kEvaluationTable);
}

}  // namespace
}  // namespace convrec::learner
