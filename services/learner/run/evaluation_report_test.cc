#include "services/learner/run/evaluation_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace convrec::learner {
namespace {

using domain::FinishReason;
using domain::LineOutcome;
using ::testing::ElementsAre;

domain::Rollout ListOf(const std::vector<LineOutcome>& outcomes,
                       FinishReason finish,
                       double ndcg20 = 0) {
  domain::Rollout list;
  list.completion.finish_reason = finish;
  list.score.ndcg.back() = ndcg20;
  for (const LineOutcome outcome : outcomes) {
    domain::ScoredLine line;
    line.outcome = outcome;
    list.score.lines.push_back(line);
  }
  return list;
}

// Two ranks; the second list has a line too many.
const std::vector<domain::Rollout>& TwoLists() {
  static const auto* lists = new std::vector<domain::Rollout>{
      ListOf({LineOutcome::kHit, LineOutcome::kDuplicate}, FinishReason::kStop, 0.5),
      ListOf({LineOutcome::kSeen, LineOutcome::kMalformed, LineOutcome::kHit},
             FinishReason::kLength,
             0.25)};
  return *lists;
}

TEST(EvaluationReportTest, ListsOfAStepAreCountedByLineAndByList) {
  report::RlStep step;
  DescribeLists({&TwoLists()[0], &TwoLists()[1]}, 2, &step);
  EXPECT_EQ(step["lines"], 2.5);
  EXPECT_EQ(step["exact_ratio"], 0.5);
  EXPECT_EQ(step["repeat_ratio"], 0.2);  // One of five lines.
  EXPECT_EQ(step["seen_ratio"], 0.2);
  EXPECT_EQ(step["malformed_ratio"], 0.2);
  EXPECT_EQ(step["off_catalog_ratio"], 0);
  EXPECT_EQ(step["truncated_ratio"], 0.5);
  EXPECT_EQ(step["eos_ratio"], 0.5);
  EXPECT_EQ(step["hits_per_list"], 0.5);  // The hit past the last rank does not count.
  EXPECT_EQ(step["ndcg20"], 0.375);
}

TEST(EvaluationReportTest, AnEvaluationIsTheMeanOverItsRows) {
  std::vector<domain::RolloutGroup> groups(2);
  for (size_t i = 0; i < groups.size(); ++i) groups[i].rollouts = {TwoLists()[i]};
  const report::Evaluation evaluation = SummariseEvaluation(groups, 2);
  EXPECT_EQ(evaluation.count("rows"), 2);
  EXPECT_EQ(evaluation["exact_ratio"], 0.5);
  EXPECT_THAT(evaluation.list("hits_by_rank"), ElementsAre(0.5, 0));
  EXPECT_EQ(report::Ndcg20(evaluation), 0.375);
}

}  // namespace
}  // namespace convrec::learner
