#include "libs/report/run_log.h"

#include <signal.h>
#include <sys/resource.h>

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/base/files.h"
#include "tests/support/paths.h"

namespace convrec::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

RlStep RlAt(int64_t step, double reward) {
  RlStep record;
  record.step = step;
  record.total_steps = 100;
  record["reward"] = reward;
  record.list("reward_by_rank") = {reward, reward / 2};
  return record;
}

SftStep SftAt(int64_t step) {
  SftStep record;
  record.step = step;
  record["loss"] = 1.5;
  return record;
}

Evaluation EvaluationAt(Stage stage, Split split, int64_t step, double ndcg20) {
  Evaluation record;
  record.stage = stage;
  record.split = split;
  record.step = step;
  record.list("ndcg") = {0.1, 0.2, 0.3, ndcg20};
  return record;
}

class RunLogTest : public ::testing::Test {
 protected:
  void Append(const Record& record) {
    auto writer = RunLogWriter::Open(path_);
    ASSERT_TRUE(writer.ok()) << writer.status();
    ASSERT_TRUE((*writer)->Append(record).ok());
  }
  RunLog Read() {
    auto log = ReadRunLog(path_);
    EXPECT_TRUE(log.ok()) << log.status();
    return log.ok() ? *std::move(log) : RunLog{};
  }

  const base::TemporaryDirectory folder_;
  const std::string path_ = base::JoinPath(folder_.path(), "metrics.jsonl");
};

TEST_F(RunLogTest, EveryKindComesBackAsItWasWritten) {
  Append(SftAt(3));
  Append(RlAt(7, 0.25));
  Append(EvaluationAt(Stage::kSft, Split::kTest, 3, 0.4));
  Append(Samples{
      Stage::kRl,
      7,
      {{"v-1", "USER: hi\n", {{"Heat", 1995}}, {{"1. Heat (1995)", domain::LineOutcome::kHit}}}}});
  Append(Event{"worker joined"});
  const RunLog log = Read();
  ASSERT_EQ(log.sft_steps.size(), 1u);
  EXPECT_EQ(log.sft_steps[0]["loss"], 1.5);
  ASSERT_EQ(log.rl_steps.size(), 1u);
  EXPECT_THAT(log.rl_steps[0].list("reward_by_rank"), ElementsAre(0.25, 0.125));
  ASSERT_EQ(log.evaluations.size(), 1u);
  EXPECT_EQ(log.evaluations[0].split, Split::kTest);
  EXPECT_EQ(log.evaluations[0].list("ndcg")[3], 0.4);
  ASSERT_EQ(log.samples.size(), 1u);
  EXPECT_EQ(log.samples[0].samples[0].ground_truth[0], (domain::Item{"Heat", 1995}));
  EXPECT_EQ(log.samples[0].samples[0].lines[0].outcome, domain::LineOutcome::kHit);
  EXPECT_THAT(log.events, ElementsAre("worker joined"));
  EXPECT_FALSE(log.has_torn_tail);
}

// The log of a run from before statistics had a table.
TEST_F(RunLogTest, AnEarlierLogIsReadAndWrittenAsItWas) {
  const std::string text = *base::ReadFile(SourcePath("tests/golden/report/metrics.jsonl"));
  std::string written;
  for (const std::string& line :
       std::vector<std::string>(absl::StrSplit(text, '\n', absl::SkipEmpty()))) {
    const auto record = ParseRecord(line);
    ASSERT_TRUE(record.ok()) << record.status();
    absl::StrAppend(&written, FormatRecord(*record), "\n");
  }
  EXPECT_EQ(written, text);
}

TEST_F(RunLogTest, WhatALogDoesNotHaveIsWhatItsRowSays) {
  const auto record = ParseRecord(R"({"kind":"rl_step","step":3,"reward":0.5})");
  ASSERT_TRUE(record.ok()) << record.status();
  const RlStep& step = std::get<RlStep>(*record);
  EXPECT_EQ(step["reward"], 0.5);
  EXPECT_EQ(step["ratio_mean"], 1);
  EXPECT_EQ(step["kl"], 0);
  EXPECT_TRUE(step.list("kl_by_rank").empty());
}

TEST_F(RunLogTest, NumbersThatAreNotFiniteComeBackAsNaN) {
  RlStep record = RlAt(1, 0);
  record["kl"] = std::numeric_limits<double>::infinity();
  record.list("kl_by_rank") = {0.5, std::nan("")};
  Append(record);
  const RunLog log = Read();
  EXPECT_TRUE(std::isnan(log.rl_steps[0]["kl"]));
  EXPECT_EQ(log.rl_steps[0].list("kl_by_rank")[0], 0.5);
  EXPECT_TRUE(std::isnan(log.rl_steps[0].list("kl_by_rank")[1]));
}

TEST_F(RunLogTest, TextThatIsNotUtf8IsRepaired) {
  Append(Event{"torn \xE2\x82 token"});
  EXPECT_THAT(Read().events, ElementsAre("torn \xEF\xBF\xBD token"));
}

TEST_F(RunLogTest, TornLastLineIsLeftOutAndReported) {
  Append(RlAt(1, 0.1));
  ASSERT_TRUE(base::AppendToFile(path_, R"({"kind":"rl_step","step":2,"rew)").ok());
  const RunLog log = Read();
  EXPECT_EQ(log.rl_steps.size(), 1u);
  EXPECT_TRUE(log.has_torn_tail);
}

TEST_F(RunLogTest, NextWriterCutsATornLine) {
  Append(RlAt(1, 0.1));
  ASSERT_TRUE(base::AppendToFile(path_, R"({"kind":"rl_step","step":2,"rew)").ok());
  Append(RlAt(2, 0.2));
  const RunLog log = Read();
  EXPECT_EQ(log.rl_steps.size(), 2u);
  EXPECT_FALSE(log.has_torn_tail);
}

TEST_F(RunLogTest, NextWriterCutsALastLineThatIsNoRecord) {
  Append(RlAt(1, 0.1));
  ASSERT_TRUE(base::AppendToFile(path_, std::string(40, '\0') + "\n").ok());
  Append(RlAt(2, 0.2));
  EXPECT_EQ(Read().rl_steps.size(), 2u);
}

TEST_F(RunLogTest, MalformedMiddleLineNamesFileAndLine) {
  Append(RlAt(1, 0.1));
  ASSERT_TRUE(base::AppendToFile(path_, "{\"kind\":\"rl_step\",\"reward\":\"high\"}\n").ok());
  ASSERT_TRUE(base::AppendToFile(path_, FormatRecord(RlAt(3, 0.1)) + "\n").ok());
  const absl::Status status = ReadRunLog(path_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(path_ + ":2: field \"reward\" is \"high\", which is not a number"));
}

TEST_F(RunLogTest, UnknownKindAndWordAreErrors) {
  EXPECT_THAT(std::string(ParseRecord(R"({"kind":"rl"})").status().message()),
              HasSubstr("kind \"rl\" is not one of"));
  EXPECT_THAT(std::string(ParseRecord(R"({"kind":"evaluation","stage":"dpo"})").status().message()),
              HasSubstr("\"stage\" is \"dpo\", which is not zero_shot, sft or rl"));
  EXPECT_THAT(std::string(ParseRecord(R"({"kind":"evaluation","ndcg":[1,2]})").status().message()),
              HasSubstr("not an array of 4 numbers"));
  EXPECT_FALSE(ParseRecord("[1]").ok());
}

TEST_F(RunLogTest, StepsOfAResumedRunReplaceTheLostOnes) {
  RunLog log;
  for (const int step : {1, 2, 3, 2, 3, 4}) AddRecord(RlAt(step, step), &log);
  AddRecord(EvaluationAt(Stage::kRl, Split::kTest, 4, 0.1), &log);
  AddRecord(EvaluationAt(Stage::kRl, Split::kTest, 4, 0.2), &log);
  ASSERT_EQ(log.rl_steps.size(), 4u);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(log.rl_steps[i].step, i + 1);
  ASSERT_EQ(log.evaluations.size(), 1u);
  EXPECT_EQ(log.evaluations[0].list("ndcg")[3], 0.2);
}

TEST_F(RunLogTest, TruncateAfterKeepsWhatTheCheckpointHasSeen) {
  Append(EvaluationAt(Stage::kZeroShot, Split::kTest, 0, 0.1));
  Append(SftAt(700));
  Append(EvaluationAt(Stage::kSft, Split::kTest, 700, 0.2));
  Append(RlAt(1, 0.1));
  Append(RlAt(2, 0.1));
  Append(Event{"worker lost"});
  Append(EvaluationAt(Stage::kRl, Split::kValidation, 1, 0.3));  // Evaluated while step 2 ran.
  ASSERT_TRUE(TruncateAfter(path_, {Stage::kRl, 1}).ok());
  RunLog log = Read();
  EXPECT_EQ(log.rl_steps.size(), 1u);
  EXPECT_EQ(log.evaluations.size(), 3u);
  EXPECT_EQ(log.events.size(), 1u);

  ASSERT_TRUE(TruncateAfter(path_, {Stage::kSft, 300}).ok());
  log = Read();
  EXPECT_TRUE(log.sft_steps.empty());
  EXPECT_TRUE(log.rl_steps.empty());
  EXPECT_EQ(log.evaluations.size(), 1u);
}

TEST_F(RunLogTest, TruncateAfterDropsATornLineAndAcceptsNoFile) {
  EXPECT_TRUE(TruncateAfter(path_, {Stage::kRl, 1}).ok());
  Append(RlAt(1, 0.1));
  ASSERT_TRUE(base::AppendToFile(path_, "{\"kind").ok());
  ASSERT_TRUE(TruncateAfter(path_, {Stage::kRl, 1}).ok());
  EXPECT_EQ(*base::ReadFile(path_), FormatRecord(RlAt(1, 0.1)) + "\n");
}

TEST_F(RunLogTest, EvaluationIsFoundByPositionAndSplit) {
  Append(EvaluationAt(Stage::kRl, Split::kValidation, 4, 0.3));
  const RunLog log = Read();
  EXPECT_TRUE(HasEvaluation(log, {Stage::kRl, 4}, Split::kValidation));
  EXPECT_FALSE(HasEvaluation(log, {Stage::kRl, 4}, Split::kTest));
  EXPECT_FALSE(HasEvaluation(log, {Stage::kRl, 5}, Split::kValidation));
  EXPECT_FALSE(HasEvaluation(log, {Stage::kSft, 4}, Split::kValidation));
}

TEST_F(RunLogTest, MissingFileIsNotFound) {
  EXPECT_EQ(ReadRunLog(path_).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(RunLogTest, FullDiskLeavesTheLogAsItWas) {
  Append(RlAt(1, 0.1));
  const std::string before = *base::ReadFile(path_);
  auto writer = RunLogWriter::Open(path_);
  ASSERT_TRUE(writer.ok()) << writer.status();
  // A file size limit simulates the full disk: 10 bytes fit, then write() fails.
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  rlimit limit = old_limit;
  limit.rlim_cur = before.size() + 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  const absl::Status status = (*writer)->Append(RlAt(2, 0.2));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot append to " + path_));
  EXPECT_EQ(*base::ReadFile(path_), before);
}

}  // namespace
}  // namespace convrec::report
