#include "libs/report/results.h"

#include "gtest/gtest.h"
#include "libs/base/files.h"

namespace convrec::report {
namespace {

void Evaluate(Stage stage, Split split, int64_t step, double ndcg20, RunLog* log) {
  Evaluation evaluation;
  evaluation.stage = stage;
  evaluation.split = split;
  evaluation.step = step;
  evaluation["rows"] = 500;
  evaluation.list("ndcg")[kAt20] = ndcg20;
  AddRecord(evaluation, log);
}

TEST(ResultsTest, TakesTheLastStepAndNotTheBest) {
  RunLog log;
  Evaluate(Stage::kSft, Split::kTest, 700, 0.2, &log);
  Evaluate(Stage::kRl, Split::kTest, 50, 0.5, &log);
  Evaluate(Stage::kRl, Split::kTest, 100, 0.3, &log);
  const Results results = FinalResults(log);
  EXPECT_EQ(results.rl->step, 100);
  EXPECT_DOUBLE_EQ(*results.Ratio(), 1.5);  // 0.3 / 0.2
}

TEST(ResultsTest, TestSplitGoesBeforeValidation) {
  RunLog log;
  Evaluate(Stage::kSft, Split::kValidation, 700, 0.9, &log);
  EXPECT_EQ(FinalResults(log).split, Split::kValidation);
  Evaluate(Stage::kSft, Split::kTest, 700, 0.2, &log);
  EXPECT_EQ(FinalResults(log).split, Split::kTest);
  EXPECT_EQ(Ndcg20(*FinalResults(log).sft), 0.2);
}

TEST(ResultsTest, NoRatioWithoutBothStagesOrWithNothingToCompareWith) {
  RunLog log;
  Evaluate(Stage::kRl, Split::kTest, 1, 0.3, &log);
  EXPECT_FALSE(FinalResults(log).Ratio().has_value());
  Evaluate(Stage::kSft, Split::kTest, 1, 0, &log);
  EXPECT_FALSE(FinalResults(log).Ratio().has_value());
}

TEST(ResultsTest, SummaryGivesTheOutcomeBackAndNullForWhatWasNotMeasured) {
  RunLog log;
  Evaluate(Stage::kSft, Split::kTest, 700, 0.25, &log);
  const base::TemporaryDirectory folder;
  const std::string path = base::JoinPath(folder.path(), "summary.json");
  const std::string json = SummaryJson(FinalResults(log), {"sample", "abc", 7, 123.5, true, 0});
  EXPECT_NE(json.find("\"sft_ndcg20\": 0.25"), std::string::npos);
  EXPECT_NE(json.find("\"rl_ndcg20\": null"), std::string::npos);
  EXPECT_NE(json.find("\"ratio\": null"), std::string::npos);
  ASSERT_TRUE(base::WriteFileAtomically(path, json).ok());
  const auto outcome = ReadSummary(path);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->name, "sample");
  EXPECT_EQ(outcome->seed, 7u);
  EXPECT_EQ(outcome->seconds, 123.5);
  EXPECT_TRUE(outcome->is_finished);
}

TEST(ResultsTest, SummaryThatIsNoneNamesTheFile) {
  const base::TemporaryDirectory folder;
  const std::string path = base::JoinPath(folder.path(), "summary.json");
  ASSERT_TRUE(base::WriteFileAtomically(path, "{\"seconds\": \"long\"}").ok());
  EXPECT_NE(ReadSummary(path).status().message().find(path), std::string::npos);
}

}  // namespace
}  // namespace convrec::report
