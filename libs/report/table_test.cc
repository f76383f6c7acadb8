#include "libs/report/table.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace convrec::report {
namespace {

using ::testing::HasSubstr;

Evaluation At(int64_t step, double ndcg20, double repeats) {
  Evaluation evaluation;
  evaluation.step = step;
  evaluation["rows"] = 500;
  evaluation.list("ndcg") = {0.1, 0.2, 0.25, ndcg20};
  evaluation["repeat_ratio"] = repeats;
  evaluation["lines"] = 19.9;
  return evaluation;
}

TEST(TableTest, ShowsStagesSideBySideWithTheRatio) {
  Results results;
  results.sft = At(700, 0.3, 0.235);
  results.rl = At(120, 0.375, 0.241);
  const std::string text = RenderTable(results);
  EXPECT_THAT(
      text, HasSubstr("Results on the test split, 500 conversations, SFT step 700, RL step 120\n"));
  // 0.375 / 0.3 = 1.25; the stage that was not evaluated has a dash.
  EXPECT_THAT(text, HasSubstr("NDCG@20                     -     0.3000     0.3750      x1.25\n"));
  EXPECT_THAT(text, HasSubstr("Repeated lines              -     23.5 %     24.1 %\n"));
}

TEST(TableTest, NoCutoffIsBeyondTheLengthOfTheLists) {
  Results results;
  results.sft = At(700, 0.3, 0.235);
  for (const auto& [num_ranks, labels] : std::vector<std::pair<size_t, std::vector<std::string>>>{
           {3, {"NDCG@3"}},
           {10, {"NDCG@5", "NDCG@10"}},
           {12, {"NDCG@5", "NDCG@10", "NDCG@12"}},
           {30, {"NDCG@5", "NDCG@10", "NDCG@15", "NDCG@20"}}}) {
    results.sft->list("hits_by_rank").assign(num_ranks, 0.1);
    std::vector<std::string> shown;
    bool is_last_headline = false;
    for (const TableRow& row : TableRows(results)) {
      if (!row.label.starts_with("NDCG@")) continue;
      shown.push_back(row.label);
      is_last_headline = row.is_headline;
    }
    EXPECT_EQ(shown, labels);
    EXPECT_TRUE(is_last_headline);
  }
}

TEST(TableTest, ColumnsAreAligned) {
  Results results;
  results.sft = At(700, 0.3, 0.235);
  results.rl = At(120, 0.375, 0.241);
  const std::string text = RenderTable(results);
  const size_t head = text.find("after RL") + std::string("after RL").size();
  const size_t row = text.find("0.3750") + std::string("0.3750").size();
  const auto column = [&text](size_t at) { return at - text.rfind('\n', at - 1); };
  EXPECT_EQ(column(head), column(row));
}

TEST(TableTest, SaysWhenNothingWasEvaluated) {
  EXPECT_EQ(RenderTable(Results{}), "No evaluation has been made yet.\n");
}

}  // namespace
}  // namespace convrec::report
