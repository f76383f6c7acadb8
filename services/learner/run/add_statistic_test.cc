// A statistic is added as docs/development.md says: testing/add_statistic.sh makes the changed
// files, and what follows from the tables is built with them in place of their originals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/files.h"
#include "libs/report/csv.h"
#include "libs/report/html.h"
#include "libs/report/run_log.h"
#include "libs/statistics/metric_list.h"
#include "services/learner/batch/testing/groups.h"
#include "services/learner/run/learner_metrics.h"
#include "services/learner/run/step_report.h"
#include "tests/support/paths.h"

namespace convrec::learner {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

std::vector<std::string> LinesOf(const std::string& path) {
  const auto text = base::ReadFile(path);
  EXPECT_TRUE(text.ok()) << text.status();
  return absl::StrSplit(text.value_or(""), '\n');
}

// A step of two tokens of rank 0 with advantages of 1 and -3; rank 1 has none.
report::RlStep MeasuredStep() {
  Objective objective;
  objective.num_ranks = 2;
  LossTerms terms;
  terms.unit_M = {0, 1};
  terms.num_units = 2;
  terms.bin_M = {0, 0};
  terms.advantage_M = {1, -3};
  terms.weight_M = {0.5, 0.5};
  terms.sampled_logprob_M = {-1, -2};
  terms.lag_M = {0, 0};
  terms.token_lag_M = {0, 0};
  LossStatsAccumulator accumulator(objective);
  const std::vector<double> logp = {-1, -2}, ratio = {1, 1};
  accumulator.Add(terms, {logp, ratio, {}, {}});
  StepStats stats;
  stats.losses.push_back(accumulator.Finish());
  stats.updates.push_back({.is_applied = true});
  domain::Rollout rollout = MakeRollout({0, domain::kEndUnit}, {1, 0});
  rollout.score.ndcg = {0, 0, 0, 0.5};
  report::RlStep step = SummariseStep(stats, {MakeGroup({rollout, rollout})}, objective);
  step.step = 1;
  return step;
}

// The boards that follow from the list of metrics.
std::string BoardsFor(const std::string& metrics) {
  const base::TemporaryDirectory folder;
  const auto path = [&](const char* name) { return base::JoinPath(folder.path(), name); };
  std::filesystem::create_directories(path("checks"));
  std::filesystem::create_directories(path("boards"));
  std::filesystem::copy(SourcePath("deploy/dashboards"), path("dashboards"));
  EXPECT_TRUE(base::WriteFileAtomically(path("checks/metrics.txt"), metrics).ok());
  const std::string make =
      absl::StrCat("python3 -B '", path("dashboards/make_boards.py"), "' '", path("boards"), "'");
  EXPECT_EQ(std::system(make.c_str()), 0);
  return base::ReadFile(path("boards/training.json")).value_or("");
}

TEST(AddStatisticTest, TwoFilesChangeAndLinesAreOnlyAddedToThem) {
  const std::string changed = BuildPath("services/learner/run/with_statistic");
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(changed)) {
    if (entry.is_regular_file())
      files.push_back(std::filesystem::relative(entry.path(), changed).string());
  }
  ASSERT_THAT(
      files,
      UnorderedElementsAre("libs/statistics/step_table.h", "services/learner/loss/loss_stats.cc"));
  size_t num_added = 0;
  for (const std::string& file : files) {
    const std::vector<std::string> before = LinesOf(SourcePath(file));
    const std::vector<std::string> after = LinesOf(base::JoinPath(changed, file));
    size_t kept = 0;
    for (const std::string& line : after) kept += kept < before.size() && line == before[kept];
    EXPECT_EQ(kept, before.size()) << file;
    EXPECT_GT(after.size(), before.size()) << file;
    num_added += after.size() - before.size();
  }
  EXPECT_LE(num_added, 8u);
}

TEST(AddStatisticTest, LogAndCsvHaveWhatWasMeasured) {
  const report::RlStep step = MeasuredStep();
  const std::string line = report::FormatRecord(step);
  EXPECT_THAT(line, HasSubstr("\"advantage_by_rank\":[2.0,0.0]"));
  const auto read = report::ParseRecord(line);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(report::FormatRecord(*read), line);
  const std::vector<std::string> csv =
      absl::StrSplit(report::ToCsv(std::vector<report::RlStep>{step}), '\n');
  const std::vector<std::string> names = absl::StrSplit(csv[0], ',');
  const std::vector<std::string> values = absl::StrSplit(csv[1], ',');
  ASSERT_EQ(names.size(), values.size());
  std::vector<std::string> columns;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].starts_with("advantage_by_rank"))
      columns.push_back(absl::StrCat(names[i], " ", values[i]));
  }
  EXPECT_THAT(columns, ElementsAre("advantage_by_rank_1 2", "advantage_by_rank_2 0"));
}

TEST(AddStatisticTest, ALogThatIsOlderReads) {
  const auto step = report::ParseRecord(R"({"kind":"rl_step","step":1,"reward":0.5})");
  EXPECT_TRUE(step.ok()) << step.status();
}

TEST(AddStatisticTest, ReportMetricsListAndBoardHaveIt) {
  const report::RlStep step = MeasuredStep();
  report::RunLog log;
  report::AddRecord(step, &log);
  EXPECT_THAT(report::RenderPage(log, {}), HasSubstr("Advantage by rank"));

  telemetry::Metrics metrics("run", "learner");
  LearnerMetrics(&metrics, 2, 0).Observe(step);
  const std::string exported = metrics.Serialize();
  EXPECT_THAT(exported, HasSubstr("# TYPE rl_learner_rank_advantage gauge\n"));
  EXPECT_THAT(exported,
              ::testing::ContainsRegex("rl_learner_rank_advantage\\{[^}]*position=\"1\"\\} 2\n"));

  const std::string list = statistics::FormatMetrics();
  EXPECT_THAT(list, HasSubstr(" rl_learner_rank_advantage "));
  EXPECT_THAT(BoardsFor(list), HasSubstr("rl_learner_rank_advantage{run="));
}

}  // namespace
}  // namespace convrec::learner
