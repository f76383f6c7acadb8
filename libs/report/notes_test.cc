#include "libs/report/notes.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace convrec::report {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

Evaluation At(Stage stage, Split split, int64_t step, double ndcg20) {
  Evaluation evaluation;
  evaluation.stage = stage;
  evaluation.split = split;
  evaluation.step = step;
  evaluation["rows"] = 500;
  evaluation.list("ndcg")[kAt20] = ndcg20;
  return evaluation;
}

TEST(NotesTest, NamesWhatGotWorseBesideTheGain) {
  Evaluation sft = At(Stage::kSft, Split::kTest, 700, 0.3),
             rl = At(Stage::kRl, Split::kTest, 50, 0.37);
  sft["repeat_ratio"] = 0.05;
  rl["repeat_ratio"] = 0.26;
  sft["exact_ratio"] = 0.99;
  rl["exact_ratio"] = 0.985;  // Within noise.
  RunLog log;
  AddRecord(sft, &log);
  AddRecord(rl, &log);
  const auto notes = HonestNotes(log, FinalResults(log), {.is_finished = true});
  EXPECT_THAT(notes, Contains("The share of repeated lines got worse during RL: 5.0 % to 26.0 %."));
  EXPECT_THAT(notes, Not(Contains(HasSubstr("exactly N"))));
  EXPECT_THAT(notes, Contains(HasSubstr("One run with one seed")));
}

TEST(NotesTest, SaysWhenNothingWasGained) {
  RunLog log;
  AddRecord(At(Stage::kSft, Split::kTest, 700, 0.3), &log);
  AddRecord(At(Stage::kRl, Split::kTest, 50, 0.3), &log);
  EXPECT_THAT(HonestNotes(log, FinalResults(log), {}),
              Contains("RL did not improve NDCG@20 over SFT in this run."));
}

TEST(NotesTest, SaysWhenAnEarlierStepWasBetter) {
  RunLog log;
  AddRecord(At(Stage::kRl, Split::kValidation, 20, 0.40), &log);
  AddRecord(At(Stage::kRl, Split::kValidation, 40, 0.35), &log);
  const auto notes = HonestNotes(log, FinalResults(log), {});
  EXPECT_THAT(notes, Contains(HasSubstr("0.4000 at RL step 20; the table shows the last step")));
  EXPECT_THAT(notes, Contains(HasSubstr("no evaluation on the test split")));
  EXPECT_THAT(notes, Contains(HasSubstr("not finished")));
}

TEST(NotesTest, CountsLostGroupsAndSaysWhereRlStopped) {
  RunLog log;
  RlStep step;
  step.total_steps = 10;
  for (step.step = 1; step.step <= 4; ++step.step) {
    step["dropped_groups"] = 2;
    AddRecord(step, &log);
  }
  const auto notes = HonestNotes(log, FinalResults(log), {});
  EXPECT_THAT(notes, Contains("RL stopped at step 4 of 10."));
  EXPECT_THAT(notes, Contains(HasSubstr("8 groups were sampled and not trained")));
}

}  // namespace
}  // namespace convrec::report
