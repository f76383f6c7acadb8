// Jobs whose learner is several processes.
#include <gtest/gtest.h>
#include <signal.h>

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/files.h"
#include "tests/support/job.h"

namespace convrec::testing {
namespace {

constexpr absl::Duration kLong = absl::Minutes(5);

std::vector<int> ChildrenOf(int pid) {
  const std::string text =
      base::ReadFile(absl::StrCat("/proc/", pid, "/task/", pid, "/children")).value_or("");
  std::vector<int> children;
  const std::vector<std::string> words = absl::StrSplit(text, ' ', absl::SkipWhitespace());
  for (const std::string& word : words) {
    int child = 0;
    if (absl::SimpleAtoi(word, &child)) children.push_back(child);
  }
  return children;
}

class RanksOfStageTest : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Stages, RanksOfStageTest, ::testing::Values(2, 3));

TEST_P(RanksOfStageTest, TwoRanksTrainAndOneRankGoesOn) {
  Job job({"learner.ranks=2",
           absl::StrCat("learner.zero_stage=", GetParam()),
           "learner.sft.steps=60",
           "learner.steps=6"});
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  job.WaitForStep(3, kLong);
  const size_t stopped_after = job.Interrupt(kLong);
  EXPECT_NE(job.LogText("learner").find("learner-1"), std::string::npos);

  // A damaged shard is told before anything is trained on it.
  const std::string shard = absl::StrCat(
      job.run_dir(), "/checkpoints/rl-", stopped_after, "/optimizer-00002-of-00002.safetensors");
  const std::string whole = *base::ReadFile(shard);
  ASSERT_TRUE(base::WriteFileAtomically(shard, whole.substr(0, whole.size() - 4)).ok());
  std::vector<std::string> resume = job.arguments("convrec-learner", "learner");
  resume.push_back("--resume");
  const CommandResult refused = RunCommand(resume, kLong);
  EXPECT_EQ(refused.exit.code, 65) << refused.output;
  EXPECT_NE(refused.output.find(shard + " is damaged: it has "), std::string::npos)
      << refused.output;
  const std::vector<std::string> verify = {
      Binary("convrec"), "checkpoints", job.run_dir(), "--verify"};
  EXPECT_EQ(RunCommand(verify, kLong).exit.code, 65);
  ASSERT_TRUE(base::WriteFileAtomically(shard, whole).ok());

  job.Add("learner.ranks=1");
  job.ResumeToEnd("rollout-1", kLong);
  const report::RunLog log = job.Log();
  ASSERT_EQ(log.rl_steps.size(), 6u);
  EXPECT_EQ(log.rl_steps[stopped_after].step, static_cast<int64_t>(stopped_after) + 1);
  for (const report::RlStep& step : log.rl_steps) EXPECT_LT(step["logprob_gap"], 1e-4);

  const CommandResult verified = RunCommand(verify, kLong);
  EXPECT_EQ(verified.exit.code, 0) << verified.output;
  const std::string exported = absl::StrCat(job.run_dir(), "/exported");
  const CommandResult result = RunCommand(
      {Binary("convrec"), "export", job.run_dir(), exported, "--checkpoint", "rl-6"}, kLong);
  EXPECT_EQ(result.exit.code, 0) << result.output;
  EXPECT_EQ(*base::ReadFile(exported + "/model.safetensors"),
            *base::ReadFile(job.run_dir() + "/model/model.safetensors"));
}

TEST(RanksTest, AKilledRankEndsTheJobWithASentenceThatNamesIt) {
  Job job({"learner.ranks=2", "learner.zero_stage=3", "learner.sft.steps=20", "learner.steps=200"});
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  job.WaitForStep(2, kLong);
  const std::vector<int> ranks = ChildrenOf(job.child("learner").pid());
  ASSERT_EQ(ranks.size(), 1u);
  ::kill(ranks[0], SIGKILL);
  EXPECT_EQ(job.WaitForEnd("learner", absl::Minutes(1)).code, 69) << job.LogText("learner");
  EXPECT_NE(job.LogText("learner").find("rank 1 has ended with signal 9 (Killed)"),
            std::string::npos)
      << job.LogText("learner");
}

}  // namespace
}  // namespace convrec::testing
