#include "tools/convrec/run_report.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/base/files.h"
#include "libs/config/load.h"
#include "libs/report/run_log.h"

namespace convrec::cli {
namespace {

using ::testing::HasSubstr;

class RunReportTest : public ::testing::Test {
 protected:
  RunReportTest() {
    auto loaded = config::LoadRunOptions({}, {"run_dir=" + folder_.path(), "name=trial"});
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    if (loaded.ok()) options_ = *loaded;
  }
  void WriteLog() {
    auto writer = report::RunLogWriter::Open(base::JoinPath(folder_.path(), "metrics.jsonl"));
    ASSERT_TRUE(writer.ok());
    report::Evaluation evaluation;
    evaluation.split = report::Split::kTest;
    for (const report::Stage stage : {report::Stage::kSft, report::Stage::kRl}) {
      evaluation.stage = stage;
      evaluation.list("ndcg")[3] = stage == report::Stage::kSft ? 0.2 : 0.3;
      ASSERT_TRUE((*writer)->Append(evaluation).ok());
    }
  }
  std::string Read(const std::string& name) {
    const auto text = base::ReadFile(base::JoinPath(folder_.path(), name));
    return text.ok() ? *text : "";
  }

  const base::TemporaryDirectory folder_;
  config::RunOptions options_;
};

TEST_F(RunReportTest, LogBecomesTablePageAndSummary) {
  WriteLog();
  const auto table = WriteRunReport(folder_.path(), options_, OutcomeOf(options_));
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(*table, HasSubstr("x1.50"));
  EXPECT_THAT(Read("report.html"), HasSubstr("<title>trial - report</title>"));
  ASSERT_TRUE(WriteRunSummary(folder_.path(), OutcomeOf(options_)).ok());
  EXPECT_THAT(Read("summary.json"), HasSubstr("\"rl_ndcg20\": 0.3"));
  EXPECT_THAT(Read("summary.json"), HasSubstr("\"name\": \"trial\""));
}

TEST_F(RunReportTest, RunWithoutALogHasASummaryOfNulls) {
  ASSERT_TRUE(WriteRunSummary(folder_.path(), OutcomeOf(options_)).ok());
  EXPECT_THAT(Read("summary.json"), HasSubstr("\"ratio\": null"));
  EXPECT_EQ(WriteRunReport(folder_.path(), options_, OutcomeOf(options_)).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(RunReportTest, CsvFilesHoldStepsAndEvaluations) {
  WriteLog();
  ASSERT_TRUE(WriteRunCsv(folder_.path()).ok());
  EXPECT_THAT(Read("evaluations.csv"), HasSubstr("sft,test,0"));
  EXPECT_THAT(Read("rl_steps.csv"), HasSubstr("step,total_steps,policy_version"));
}

}  // namespace
}  // namespace convrec::cli
