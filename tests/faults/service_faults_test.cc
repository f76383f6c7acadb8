// Reward services that refuse, change, or score otherwise than the run.
#include <gtest/gtest.h>
#include <signal.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/files.h"
#include "tests/support/job.h"

namespace convrec::testing {
namespace {

constexpr absl::Duration kLong = absl::Minutes(3);

size_t Count(const std::string& text, const std::string& part) {
  return std::vector<std::string>(absl::StrSplit(text, part)).size() - 1;
}

TEST(RewardFaultsTest, GroupsThatAreAlwaysRefusedAreSetAsideAndEndTheRun) {
  // Evaluations have one list, groups for training two.
  Job job({"reward.limits.max_lists=1"}, JobSize::kTiny);
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  EXPECT_EQ(job.WaitForEnd("learner", kLong).code, 65);
  const std::string text = job.LogText("learner");
  EXPECT_NE(text.find(" groups could not be produced, the run ends with more than "),
            std::string::npos)
      << text;
  // What was refused is told once per time, and each group is refused three times.
  EXPECT_LE(Count(text, " refused: "), 80u);
  EXPECT_GE(job.Log().events.size(), 16u);
  EXPECT_NE(job.Log().events.back().find(" is set aside, refused 3 times: "), std::string::npos);
}

TEST(RewardFaultsTest, ACatalogReloadedUnderARunEndsItsWorkersWithASentence) {
  const base::TemporaryDirectory dir;
  const std::string catalog = base::JoinPath(dir.path(), "catalog.jsonl");
  const std::string films =
      *base::ReadFile(SampleWorldDirectory(JobSize::kTiny) + "/catalog.jsonl");
  ASSERT_TRUE(base::WriteFileAtomically(catalog, films).ok());
  Job job({absl::StrCat("data.catalog=", catalog), "learner.steps=1000"}, JobSize::kTiny);
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  job.WaitForStep(1, kLong);
  ASSERT_TRUE(
      base::WriteFileAtomically(catalog, films + "{\"title\":\"One more\",\"year\":1999}\n").ok());
  job.child("reward").Signal(SIGHUP);
  EXPECT_EQ(job.WaitForEnd("rollout-1", kLong).code, 78);
  EXPECT_NE(job.LogText("rollout-1").find("this service scores with catalog "), std::string::npos)
      << job.LogText("rollout-1");
  EXPECT_LE(Count(job.LogText("rollout-1"), "WARN"), 20u);
}

TEST(RewardFaultsTest, ARewardServiceWithOtherRulesTakesNoPart) {
  Job job({"learner.steps=1000"}, JobSize::kTiny);
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  job.WaitForStep(1, kLong);
  Job other({"reward.duplicate_reward=-0.5"}, JobSize::kTiny);
  other.StartReward();
  job.StartWorker("rollout-2",
                  {absl::StrCat("rollout.reward_address=127.0.0.1:", other.reward_port())});
  EXPECT_EQ(job.WaitForEnd("rollout-2", kLong).code, 78);
  const std::string text = job.LogText("rollout-2");
  EXPECT_NE(text.find("worker rollout-2 scores by \""), std::string::npos) << text;
  EXPECT_NE(text.find("duplicate=-0.5"), std::string::npos) << text;
  EXPECT_FALSE(job.child("rollout-1").Poll().has_value());
}

}  // namespace
}  // namespace convrec::testing
