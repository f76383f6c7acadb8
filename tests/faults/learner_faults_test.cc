// The learner dies, is stopped, or another one stands in its place, while its workers stay.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/digest.h"
#include "libs/base/files.h"
#include "tests/support/job.h"
#include "tests/support/tcp_proxy.h"

namespace convrec::testing {
namespace {

constexpr absl::Duration kLong = absl::Minutes(3);

class LearnerRestartTest : public ::testing::TestWithParam<int> {};

// On a slow line weights take longer than groups, so that the worker's room is full of leases that
// wait for them: it asks for none, and nothing it holds will ever be of use.
TEST_P(LearnerRestartTest, AFullWorkerOnASlowLineGoesOnWithTheNextStart) {
  Job job({"learner.checkpoint.every_steps=1",
           "learner.publish.shared_memory=false",
           "learner.publish.delta_bases=0"},
          JobSize::kTiny);
  job.StartReward();
  job.StartLearner();
  TcpProxy line(job.learner_port());
  line.SetBytesPerSecond(200'000);
  job.StartWorker("rollout-1", {absl::StrCat("rollout.learner_address=127.0.0.1:", line.port())});
  job.WaitForStep(2, kLong);
  job.child("learner").Signal(GetParam());
  job.WaitForEnd("learner", kLong);
  job.ResumeToEnd("rollout-1", kLong);
  EXPECT_EQ(job.Log().rl_steps.size(), 6u);
  EXPECT_NE(job.LogText("rollout-1").find("joining again"), std::string::npos)
      << job.LogText("rollout-1");
}

INSTANTIATE_TEST_SUITE_P(Signals,
                         LearnerRestartTest,
                         ::testing::Values(SIGKILL, SIGTERM),
                         [](const auto& shown) {
                           return shown.param == SIGKILL ? "Killed" : "Stopped";
                         });

// Its first start has the same number as the old run's, and its weights the same version.
TEST(AnotherRunTest, AtTheOldRunsAddressGetsNothingOfTheOldRun) {
  Job old_run({"learner.steps=1000", "seed=1"}, JobSize::kTiny);
  old_run.StartReward();
  old_run.StartLearner();
  old_run.StartWorker("rollout-1");
  old_run.WaitForStep(2, kLong);
  old_run.child("learner").Signal(SIGKILL);
  old_run.WaitForEnd("learner", kLong);

  Job new_run({absl::StrCat("learner.listen=127.0.0.1:", old_run.learner_port()),
               "evaluation.zero_shot=true",
               "seed=2"},
              JobSize::kTiny);
  new_run.StartLearner();
  EXPECT_EQ(new_run.WaitForEnd("learner", kLong).code, 0) << new_run.LogText("learner");
  EXPECT_EQ(old_run.WaitForEnd("rollout-1", kLong).code, 0) << old_run.LogText("rollout-1");
  const report::RunLog log = new_run.Log();
  ASSERT_EQ(log.rl_steps.size(), 6u);
  for (const report::RlStep& step : log.rl_steps) EXPECT_LT(step["logprob_gap"], 1e-3);
  EXPECT_EQ(log.evaluations.front()["rows"], 6);
}

TEST(AnotherRunTest, WithAnotherCatalogEndsTheWorkerWithASentence) {
  Job old_run({"learner.steps=1000"}, JobSize::kTiny);
  old_run.StartReward();
  old_run.StartLearner();
  old_run.StartWorker("rollout-1");
  old_run.WaitForStep(1, kLong);
  old_run.child("learner").Signal(SIGKILL);
  old_run.WaitForEnd("learner", kLong);

  const base::TemporaryDirectory dir;
  const std::string catalog = base::JoinPath(dir.path(), "catalog.jsonl");
  ASSERT_TRUE(base::WriteFileAtomically(
                  catalog,
                  *base::ReadFile(SampleWorldDirectory(JobSize::kTiny) + "/catalog.jsonl") +
                      "{\"title\":\"One more\",\"year\":1999}\n")
                  .ok());
  Job new_run({absl::StrCat("learner.listen=127.0.0.1:", old_run.learner_port()),
               absl::StrCat("data.catalog=", catalog)},
              JobSize::kTiny);
  new_run.StartLearner();
  EXPECT_EQ(old_run.WaitForEnd("rollout-1", kLong).code, 78);
  EXPECT_NE(old_run.LogText("rollout-1").find("worker rollout-1 works with catalog "),
            std::string::npos)
      << old_run.LogText("rollout-1");
}

// Segments that a learner has made, by the names that libs/weights gives them.
int NumSegmentsOf(const Job& job) {
  const std::string prefix =
      absl::StrCat("convrec.", base::DigestOf(job.run_dir()).substr(0, 16), ".");
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm"))
    count += entry.path().filename().string().starts_with(prefix) ? 1 : 0;
  return count;
}

TEST(AnotherRunTest, RemovesWhatAKilledLearnerLeftInSharedMemory) {
  Job old_run({"learner.steps=1000"}, JobSize::kTiny);
  old_run.StartReward();
  old_run.StartLearner();
  old_run.StartWorker("rollout-1");
  old_run.WaitForStep(1, kLong);
  old_run.child("learner").Signal(SIGKILL);
  old_run.WaitForEnd("learner", kLong);
  EXPECT_GT(NumSegmentsOf(old_run), 0);

  Job new_run({"learner.steps=1000"}, JobSize::kTiny);
  new_run.StartLearner();
  new_run.WaitForText("learner", "serving on ", kLong);
  EXPECT_EQ(NumSegmentsOf(old_run), 0);
}

}  // namespace
}  // namespace convrec::testing
