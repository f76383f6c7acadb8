#include "services/learner/run/best_policy.h"

#include <gtest/gtest.h>

namespace convrec::learner {
namespace {

report::Evaluation Validation(int64_t step, double ndcg) {
  report::Evaluation evaluation;
  evaluation.stage = report::Stage::kRl;
  evaluation.split = report::Split::kValidation;
  evaluation.step = step;
  evaluation.list("ndcg") = {0, 0, 0, ndcg};
  return evaluation;
}

RunState After(int64_t step) { return {.in_rl = true, .rl_step = step}; }

TEST(BestPolicyTest, TheHighestNdcgAtTheLastCutoffIsTheBestAndTheFirstOfEquals) {
  BestPolicy best(/*keep=*/true);
  EXPECT_EQ(best.checkpoint(), "");
  best.Note(Validation(5, 0.2));
  best.Note(Validation(10, 0.3));
  best.Note(Validation(15, 0.3));
  EXPECT_EQ(best.checkpoint(), "rl-10");
}

TEST(BestPolicyTest, OtherStagesAndTheTestSplitDoNotCount) {
  BestPolicy best(/*keep=*/true);
  report::Evaluation other = Validation(5, 0.9);
  other.stage = report::Stage::kSft;
  best.Note(other);
  other = Validation(5, 0.9);
  other.split = report::Split::kTest;
  best.Note(other);
  EXPECT_EQ(best.checkpoint(), "");
}

TEST(BestPolicyTest, ABestPolicyWithoutCheckpointWouldBeLost) {
  BestPolicy best(/*keep=*/true);
  best.NoteCheckpoint("rl-9");
  best.Note(Validation(10, 0.3));
  EXPECT_TRUE(best.IsLost(After(10)));
  EXPECT_FALSE(best.IsLost(After(11)));
  best.NoteCheckpoint("rl-10");
  EXPECT_FALSE(best.IsLost(After(10)));
}

TEST(BestPolicyTest, WithoutKeepBestNothingIsKept) {
  BestPolicy best(/*keep=*/false);
  best.Note(Validation(10, 0.3));
  EXPECT_FALSE(best.IsLost(After(10)));
  EXPECT_EQ(best.checkpoint(), "");
}

}  // namespace
}  // namespace convrec::learner
