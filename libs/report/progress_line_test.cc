#include "libs/report/progress_line.h"

#include <algorithm>
#include <cstdlib>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/base/files.h"
#include "libs/base/testing/fake_clock.h"
#include "libs/report/format.h"

namespace convrec::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

RlStep StepAt(int64_t step) {
  RlStep record;
  record.step = step;
  record.total_steps = 120;
  record["reward"] = 0.2141;
  record["ndcg20"] = 0.352;
  record["kl"] = 0.08;
  record["tokens_per_second"] = 9040;
  record["staleness_mean"] = 0.42;
  record["workers"] = 2;
  record["eta_s"] = 72;
  return record;
}

// A stream whose text can be read back.
class MemoryStream {
 public:
  MemoryStream() : file_(::open_memstream(&data_, &size_)) {}
  ~MemoryStream() {
    std::fclose(file_);
    std::free(data_);
  }
  std::FILE* file() { return file_; }
  std::string text() {
    std::fflush(file_);
    return std::string(data_, size_);
  }

 private:
  char* data_ = nullptr;
  size_t size_ = 0;
  std::FILE* file_;
};

TEST(ProgressLineTest, ShowsEverythingWhenThereIsRoom) {
  EXPECT_EQ(FormatProgress(StepAt(60), 0),
            "RL  [############............]   60/120  reward 0.214  NDCG 0.352  KL 0.080  9.0k "
            "tok/s  stale 0.4  2 workers  1m12s left");
}

TEST(ProgressLineTest, EightyColumnsHoldAllParts) {
  const std::string line = FormatProgress(StepAt(60), 79);
  for (const char* part : {"60/120", "reward", "NDCG", "KL", "tok/s", "stale", "left"})
    EXPECT_THAT(line, HasSubstr(part));
}

TEST(ProgressLineTest, NeverExceedsTheWidth) {
  for (size_t width = 1; width < 130; ++width)
    EXPECT_LE(DisplayWidth(FormatProgress(StepAt(60), width)), width);
}

TEST(ProgressLineTest, LeastImportantPartsGoFirst) {
  const std::string line = FormatProgress(StepAt(60), 40);
  EXPECT_THAT(line, HasSubstr("reward 0.214"));
  EXPECT_THAT(line, Not(HasSubstr("stale")));
}

TEST(ProgressLineTest, SupervisedStepsShowLossAndTimeLeft) {
  SftStep step;
  step.step = 350;
  step.total_steps = 700;
  step["loss"] = 1.234;
  step["tokens_per_second"] = 21000;
  EXPECT_EQ(FormatProgress(step, 35, 0),
            "SFT  [############............]  350/700  loss 1.234  21k tok/s  35s left");
}

TEST(ProgressLineTest, EvaluationIsComparedWithSft) {
  Evaluation sft, rl;
  sft.list("ndcg")[3] = 0.3;
  rl.stage = Stage::kRl;
  rl.step = 20;
  rl["rows"] = 200;
  rl.list("ndcg")[3] = 0.36;
  EXPECT_THAT(
      FormatEvaluation(rl, sft),
      HasSubstr(
          "evaluation after RL step 20 (validation, 200 rows): NDCG@20 0.3600 (x1.20 of SFT)"));
}

TEST(ProgressDisplayTest, TerminalRewritesOneLineAndKeepsNotesAboveIt) {
  MemoryStream stream;
  base::FakeClock clock;
  {
    ProgressDisplay display({.is_terminal = true, .width = 40}, stream.file(), &clock);
    display.Show(StepAt(1));
    display.Note("note");
    display.Show(StepAt(2));
  }
  const std::string one = FormatProgress(StepAt(1), 40), two = FormatProgress(StepAt(2), 40);
  EXPECT_EQ(
      stream.text(),
      "\r" + one + "\033[K" + "\r\033[Knote\n" + "\r" + one + "\033[K" + "\r" + two + "\033[K\n");
}

TEST(ProgressDisplayTest, PlainStreamGetsALineAtABoundedPaceAndTheLast) {
  MemoryStream stream;
  base::FakeClock clock;
  ProgressDisplay display({.plain_interval = absl::Seconds(5)}, stream.file(), &clock);
  display.Show(StepAt(1));  // Shown: the first.
  display.Show(StepAt(2));  // Too soon.
  clock.Advance(absl::Seconds(6));
  display.Show(StepAt(3));    // Shown: 6 s later.
  display.Show(StepAt(120));  // Shown: the last.
  EXPECT_EQ(stream.text(),
            FormatProgress(StepAt(1), 0) + "\n" + FormatProgress(StepAt(3), 0) + "\n" +
                FormatProgress(StepAt(120), 0) + "\n");
}

Activity Sampling(double seconds) {
  return {.kind = Activity::Kind::kSampling,
          .stage = "RL",
          .step = 13,
          .total_steps = 120,
          .done = 5,
          .of = 16,
          .seconds = seconds,
          .workers = 2,
          .lease = Activity::Lease{.worker = "rollout-1", .group = "0/37", .seconds = 41}};
}

TEST(ProgressLineTest, WhatIsUnderWorkTellsOfGroupsWorkersAndTheLease) {
  EXPECT_EQ(FormatProgress(Sampling(24), 0),
            "RL  [##......................]   13/120  sampled 5 of 16 groups, 24s  waiting 41s for "
            "rollout-1 (group 0/37)  2 workers");
  const std::string narrow = FormatProgress(Sampling(24), 79);
  EXPECT_THAT(narrow, HasSubstr("waiting 41s for rollout-1"));
  EXPECT_LE(DisplayWidth(narrow), 79u);
  EXPECT_EQ(FormatProgress(Activity{.what = "loading the model", .seconds = 12}, 30),
            "loading the model, 12s");
}

TEST(ProgressDisplayTest, ATerminalShowsWorkThatTakesLong) {
  MemoryStream stream;
  base::FakeClock clock;
  {
    ProgressDisplay display({.is_terminal = true, .width = 79}, stream.file(), &clock);
    display.Show(Sampling(1.9));  // A fast step's line is not disturbed.
    display.Show(Sampling(2));
    display.Show(Sampling(3));
  }
  EXPECT_EQ(stream.text(),
            "\r" + FormatProgress(Sampling(2), 79) + "\033[K\r" + FormatProgress(Sampling(3), 79) +
                "\033[K\n");
}

TEST(ProgressDisplayTest, AFileIsToldOfLongWorkTwiceAMinuteWithoutControlCharacters) {
  const base::TemporaryDirectory folder;
  const std::string log = base::JoinPath(folder.path(), "log.txt");
  MemoryStream stream;
  base::FakeClock clock;
  ProgressDisplay display({.log_path = log}, stream.file(), &clock);
  display.Note("start");
  for (int second = 1; second <= 61; ++second) {
    clock.Advance(absl::Seconds(1));
    display.Show(Sampling(second));
  }
  EXPECT_EQ(stream.text(),
            "start\n" + FormatActivity(Sampling(30)) + "\n" + FormatActivity(Sampling(60)) + "\n");
  const std::string text = *base::ReadFile(log);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
}

TEST(ProgressDisplayTest, EveryStepGoesToTheLogFile) {
  const base::TemporaryDirectory folder;
  const std::string path = base::JoinPath(folder.path(), "log.txt");
  MemoryStream stream;
  base::FakeClock clock;
  ProgressDisplay display({.log_path = path}, stream.file(), &clock);
  display.Show(StepAt(1));
  display.Show(StepAt(2));
  display.Note("resumed");
  EXPECT_EQ(*base::ReadFile(path),
            "1970-01-01T00:00:00Z  " + FormatProgress(StepAt(1), 0) + "\n" +
                "1970-01-01T00:00:00Z  " + FormatProgress(StepAt(2), 0) + "\n" +
                "1970-01-01T00:00:00Z  resumed\n");
}

}  // namespace
}  // namespace convrec::report
