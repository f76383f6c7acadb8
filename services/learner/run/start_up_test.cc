#include "services/learner/run/start_up.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/config/load.h"

namespace convrec::learner {
namespace {

using base::JoinPath;
using ::testing::HasSubstr;

class StartUpTest : public ::testing::Test {
 protected:
  absl::StatusOr<RunStart> Start(bool resume) {
    auto options = config::LoadRunOptions(
        {}, {absl::StrCat("run_dir=", run_dir()), absl::StrCat("seed=", seed_)});
    if (!options.ok()) return options.status();
    config::ServiceArguments arguments;
    arguments.options = *std::move(options);
    arguments.resume = resume;
    return StartRun(arguments);
  }

  void WriteCheckpoint(const std::string& name, const RunState& state) {
    checkpoint::Checkpoint checkpoint;
    checkpoint.name = name;
    checkpoint.directory = JoinPath(checkpoint::CheckpointRoot(run_dir()), name);
    checkpoint.caller_state = ToJson(state);
    ASSERT_TRUE(base::MakeDirectories(checkpoint.directory).ok());
    ASSERT_TRUE(checkpoint::WriteManifest(checkpoint).ok());
    ASSERT_TRUE(checkpoint::MarkLatest(checkpoint::CheckpointRoot(run_dir()), name).ok());
  }

  std::string run_dir() const { return JoinPath(dir_.path(), "run"); }

  int seed_ = 1;
  base::TemporaryDirectory dir_;
};

TEST_F(StartUpTest, AFirstStartMakesTheFolderAndKeepsTheConfiguration) {
  const auto start = Start(/*resume=*/false);
  ASSERT_TRUE(start.ok()) << start.status();
  EXPECT_EQ(start->epoch.value, 1);
  EXPECT_FALSE(start->resumed);
  EXPECT_TRUE(base::FileExists(JoinPath(run_dir(), "config.yaml")));
}

TEST_F(StartUpTest, AResumeTakesStateFromTheNewestCheckpointAndCutsTheLogAfterIt) {
  {
    const auto first = Start(/*resume=*/false);
    ASSERT_TRUE(first.ok()) << first.status();
    for (int64_t step = 1; step <= 3; ++step) {
      report::RlStep record;
      record.step = step;
      ASSERT_TRUE(first->log->Append(record).ok());
    }
  }
  WriteCheckpoint("rl-2", {.in_rl = true, .sft_step = 9, .rl_step = 2});
  const auto second = Start(/*resume=*/true);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->epoch.value, 2);
  ASSERT_TRUE(second->resumed);
  EXPECT_EQ(second->resumed->name, "rl-2");
  EXPECT_TRUE(second->state.in_rl);
  EXPECT_EQ(second->state.rl_step, 2);
  ASSERT_EQ(second->earlier_log.rl_steps.size(), 2u);
  const auto log = report::ReadRunLog(JoinPath(run_dir(), "metrics.jsonl"));
  ASSERT_TRUE(log.ok()) << log.status();
  ASSERT_EQ(log->events.size(), 1u);
  EXPECT_THAT(log->events[0], HasSubstr("rl-2, start 2"));
}

TEST_F(StartUpTest, AResumeWithoutCheckpointBeginsAgainWithAnEmptyLog) {
  {
    const auto first = Start(/*resume=*/false);
    ASSERT_TRUE(first.ok()) << first.status();
    report::SftStep record;
    record.step = 1;
    ASSERT_TRUE(first->log->Append(record).ok());
  }
  const auto second = Start(/*resume=*/true);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_FALSE(second->resumed);
  EXPECT_FALSE(second->state.in_rl);
  EXPECT_TRUE(second->earlier_log.sft_steps.empty());
}

TEST_F(StartUpTest, AResumeByAnotherConfigurationIsRefusedBeforeTheStartIsCounted) {
  ASSERT_TRUE(Start(/*resume=*/false).ok());
  seed_ = 2;
  const absl::Status refused = Start(/*resume=*/true).status();
  EXPECT_TRUE(base::IsBadConfig(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("seed"));
  EXPECT_EQ(*base::ReadFile(JoinPath(run_dir(), "epoch")), "1\n");
}

TEST_F(StartUpTest, GroupsLeftUntrainedMustBeOfTheTrainingData) {
  RunData data;
  data.train.resize(3);
  RunState state;
  state.ledger.untrained = {{.pass = 0, .prompt = 2}};
  EXPECT_TRUE(CheckUntrained(state, data).ok());
  data.train.resize(2);
  const absl::Status status = CheckUntrained(state, data);
  EXPECT_TRUE(base::IsBadConfig(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("data.train has 2 rows"));
}

}  // namespace
}  // namespace convrec::learner
