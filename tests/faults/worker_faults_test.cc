// Workers that die, hang, clash, or sample from another policy.
#include <gtest/gtest.h>
#include <signal.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/files.h"
#include "libs/telemetry/ports_file.h"
#include "tests/support/accounting.h"
#include "tests/support/call_proxy.h"
#include "tests/support/job.h"

namespace convrec::testing {
namespace {

constexpr absl::Duration kLong = absl::Minutes(3);

// Leases last five minutes: those of the killed process come back when it joins again.
TEST(WorkerFaultsTest, AKilledWorkerThatIsStartedAgainCostsNoLease) {
  Job job({"learner.steps=12"}, JobSize::kTiny);
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  for (const size_t step : {2, 5, 8}) {
    job.WaitForStep(step, kLong);
    job.child("rollout-1").Signal(SIGKILL);
    job.WaitForEnd("rollout-1", kLong);
    job.StartWorker("rollout-1");
  }
  EXPECT_EQ(job.WaitForEnd("learner", kLong).code, 0) << job.LogText("learner");
  EXPECT_EQ(job.Log().rl_steps.size(), 12u);
}

TEST(WorkerFaultsTest, AProcessWhoseNameAnotherHasTakenEndsWithASentence) {
  Job job({"learner.steps=1000"}, JobSize::kTiny);
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  job.WaitForStep(1, kLong);
  // The same name from another shell.
  std::vector<std::string> second = job.arguments("convrec-rollout", "rollout-1");
  second.push_back(absl::StrCat("rollout.reward_address=127.0.0.1:", job.reward_port()));
  second.push_back(absl::StrCat("rollout.learner_address=127.0.0.1:", job.learner_port()));
  const base::TemporaryDirectory dir;
  auto usurper = cli::ChildProcess::Spawn(
      {.arguments = second, .log_path = base::JoinPath(dir.path(), "log")});
  ASSERT_TRUE(usurper.ok()) << usurper.status();
  EXPECT_EQ(job.WaitForEnd("rollout-1", kLong).code, 78);
  EXPECT_NE(job.LogText("rollout-1").find("another process has joined under the name rollout-1"),
            std::string::npos)
      << job.LogText("rollout-1");
  usurper->Kill();
}

// It still takes leases: its connections are open, and the system answers for it.
TEST(WorkerFaultsTest, AWorkerThatHangsIsKilledAndStartedAgainAndCostsNoGroup) {
  Job job({"learner.steps=40",
           "learner.checkpoint.every_steps=1",
           "learner.checkpoint.keep=100",
           "rollout.hang_timeout_s=8"},
          JobSize::kTiny);
  job.StartAll();
  job.WaitForStep(2, kLong);
  const auto ports = telemetry::ReadPortsFile(base::JoinPath(job.run_dir(), "ports"), "rollout-1");
  ASSERT_TRUE(ports.ok()) << ports.status();
  ASSERT_EQ(::kill(ports->pid, SIGSTOP), 0);
  // The launcher looks every five seconds; leases would last five minutes.
  job.WaitForText(
      "train", "rollout-1 has given no sign of life for 8s: killing it", absl::Seconds(60));
  EXPECT_EQ(job.WaitForEnd("train", kLong).code, 0) << job.LogText("train");
  EXPECT_NE(::kill(ports->pid, 0), 0);
  EXPECT_NE(job.LogText("train").find("rollout-1 is started again"), std::string::npos);
  const std::string learner =
      base::ReadFile(base::JoinPath(job.run_dir(), "logs/learner.log")).value_or("");
  EXPECT_NE(learner.find(" leases it had are handed out again"), std::string::npos) << learner;
  EXPECT_EQ(job.Log().rl_steps.size(), 40u);
  ExpectEveryGroupIsAccountedFor(job);
}

// Not the launcher's: the job has the same bits at its end as one that nothing has happened to.
TEST(WorkerFaultsTest, ListsThatThePolicyDidNotSampleStopTheStepAndLeaveTheRunAsItWas) {
  const std::vector<std::string> run = {"learner.checkpoint.every_steps=1",
                                        "learner.checkpoint.keep=100"};
  Job undisturbed(run, JobSize::kTiny);
  undisturbed.StartReward();
  undisturbed.StartLearner();
  undisturbed.StartWorker("rollout-1");
  ASSERT_EQ(undisturbed.WaitForEnd("learner", kLong).code, 0);

  Job job(run, JobSize::kTiny);
  job.StartReward();
  job.StartLearner();
  CallProxy line(absl::StrCat("127.0.0.1:", job.learner_port()),
                 {.logprob_shift = -0.25F, .shifted_version = 3});
  job.StartWorker("rollout-1", {absl::StrCat("rollout.learner_address=127.0.0.1:", line.port())});
  EXPECT_EQ(job.WaitForEnd("learner", kLong).code, 65);
  const std::string text = job.LogText("learner");
  EXPECT_NE(text.find("log-probabilities sampled in float32 with version 3 differ from the "
                      "learner's own of that version by 0.25 (worker rollout-1, group "),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("(learner.max_logprob_gap)"), std::string::npos) << text;
  EXPECT_EQ(job.Log().rl_steps.size(), 2u);
  EXPECT_FALSE(base::FileExists(base::JoinPath(job.run_dir(), "checkpoints/rl-3")));

  line.StopShifting();
  job.ResumeToEnd("rollout-1", kLong);
  EXPECT_EQ(job.Log().rl_steps.size(), 6u);
  ExpectEveryGroupIsAccountedFor(job);
  EXPECT_EQ(ModelOf(job), ModelOf(undisturbed));
}

}  // namespace
}  // namespace convrec::testing
