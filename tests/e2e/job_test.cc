// Whole jobs of real processes on loopback ports.
#include "tests/support/job.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "libs/base/enum_names.h"
#include "libs/base/files.h"
#include "tests/support/paths.h"

namespace convrec::testing {
namespace {

constexpr absl::Duration kLong = absl::Minutes(5);

double MeanReward(const std::vector<report::RlStep>& steps, size_t begin, size_t end) {
  double sum = 0;
  for (size_t i = begin; i < end; ++i) sum += steps[i]["reward"] / static_cast<double>(end - begin);
  return sum;
}

double Ndcg20(const report::RunLog& log, report::Stage stage) {
  for (const report::Evaluation& evaluation : log.evaluations) {
    if (evaluation.stage == stage && evaluation.split == report::Split::kTest)
      return report::Ndcg20(evaluation);
  }
  ADD_FAILURE() << "no evaluation after " << base::NameOf(stage);
  return 0;
}

TEST(JobTest, RewardRisesAndEveryGroupIsTrainedOnce) {
  // Of four seeds this is the median: the reward rises by a third. The weakest rises by a tenth.
  Job job({"learner.steps=30", "seed=2"});
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  EXPECT_EQ(job.WaitForEnd("learner", kLong).code, 0) << job.LogText("learner");
  EXPECT_EQ(job.WaitForEnd("rollout-1", kLong).code, 0) << job.LogText("rollout-1");
  const report::RunLog log = job.Log();
  ASSERT_EQ(log.rl_steps.size(), 30u);
  // Sampled rewards wander by a tenth from step to step: means over 8 steps.
  EXPECT_GT(MeanReward(log.rl_steps, 22, 30), 1.1 * MeanReward(log.rl_steps, 0, 8));
  EXPECT_GT(Ndcg20(log, report::Stage::kSft), 0.1);
  for (const report::RlStep& step : log.rl_steps) {
    EXPECT_EQ(step["staleness_max"], 0);
    // Sampler and learner agree in float32; the ratio is exactly 1 before the update.
    EXPECT_LT(step["logprob_gap"], 1e-4);
    EXPECT_EQ(step["ratio_mean"], 1);
    EXPECT_EQ(step["dropped_groups"], 0);
  }
  EXPECT_TRUE(base::FileExists(base::JoinPath(job.run_dir(), "model/model.safetensors")));
}

// deploy/checks/metrics.txt is what boards, alerts and their checks rely on.
TEST(JobTest, TheListedMetricsAreExactlyThoseServed) {
  Job job({"learner.steps=40"});
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  job.WaitForStep(2, kLong);
  std::map<std::string, std::string> served;  // Type by name.
  for (const char* name : {"reward", "learner", "rollout-1"}) {
    const std::vector<std::string> lines = absl::StrSplit(job.MetricsText(name), '\n');
    for (const std::string& line : lines) {
      const std::vector<std::string> words = absl::StrSplit(line, ' ');
      if (words.size() == 4 && words[1] == "TYPE" && words[2].starts_with("rl_"))
        served[words[2]] = words[3];
    }
  }
  std::map<std::string, std::string> listed;
  const std::string file = *base::ReadFile(SourcePath("deploy/checks/metrics.txt"));
  const std::vector<std::string> lines = absl::StrSplit(file, '\n');
  for (const std::string& line : lines) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipWhitespace());
    const bool is_row = words.size() >= 3 && words[0][0] != '#';
    if (is_row && words[2] != "serve") listed[words[1]] = words[0];
  }
  EXPECT_EQ(served, listed);
  EXPECT_EQ(job.Stop("learner", kLong).code, 75);
}

TEST(JobTest, AWorkerThatJoinsLateTakesPart) {
  Job job({"learner.steps=40"});
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  job.WaitForStep(2, kLong);
  job.StartWorker("rollout-2");
  double late = 0;
  size_t step = 2;
  while (late == 0 && step < 40) {
    job.WaitForStep(++step, kLong);
    late = job.Metric("rollout-2", {"rl_rollout_groups_total", "outcome=\"accepted\""});
  }
  EXPECT_GT(late, 0) << job.LogText("rollout-2");
  EXPECT_EQ(job.Stop("learner", kLong).code, 75);
}

TEST(JobTest, WeightsReachAllWorkersByBroadcast) {
  Job job({"learner.steps=40",
           "learner.publish.broadcast=true",
           "learner.publish.shared_memory=false"});
  job.StartReward();
  job.StartLearner();
  for (const char* worker : {"rollout-1", "rollout-2"}) job.StartWorker(worker);
  job.WaitForStep(5, kLong);
  for (const char* worker : {"rollout-1", "rollout-2"}) {
    EXPECT_GT(job.Metric(worker, {"rl_weight_transfers_total", "source=\"broadcast\""}), 0)
        << job.LogText(worker);
  }
  EXPECT_EQ(job.Stop("learner", kLong).code, 75);
  EXPECT_NE(job.LogText("learner").find("broadcast to 2 workers"), std::string::npos)
      << job.LogText("learner");
}

TEST(JobTest, AWorkerKilledInMidGroupCostsNothingButTime) {
  Job job({"learner.lease_timeout_s=3", "rollout.reward_timeout_s=2", "learner.steps=10"});
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  job.WaitForStep(2, kLong);
  // Killed while it holds leases of the next step.
  job.child("rollout-1").Signal(SIGKILL);
  job.StartWorker("rollout-2");
  EXPECT_EQ(job.WaitForEnd("learner", kLong).code, 0) << job.LogText("learner");
  const report::RunLog log = job.Log();
  ASSERT_EQ(log.rl_steps.size(), 10u);
  EXPECT_GT(Ndcg20(log, report::Stage::kRl), 0);
}

TEST(JobTest, ARewardServiceThatRestartsCostsNothingButTime) {
  Job job({"learner.steps=8"});
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  job.WaitForStep(2, kLong);
  EXPECT_EQ(job.Stop("reward", kLong).code, 0);
  job.RestartReward();
  EXPECT_EQ(job.WaitForEnd("learner", kLong).code, 0) << job.LogText("learner");
  EXPECT_EQ(job.Log().rl_steps.size(), 8u);
}

TEST(JobTest, StalenessIsBoundedByOneNumber) {
  Job job({"learner.max_staleness=2", "learner.steps=15"});
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  job.StartWorker("rollout-2");
  EXPECT_EQ(job.WaitForEnd("learner", kLong).code, 0) << job.LogText("learner");
  int64_t oldest = 0;
  for (const report::RlStep& step : job.Log().rl_steps)
    oldest = std::max(oldest, step.count("staleness_max"));
  EXPECT_GT(oldest, 0);
  EXPECT_LE(oldest, 2);
}

TEST(JobTest, AStoppedRunGoesOnWhereItStopped) {
  Job job({"learner.steps=10"});
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  job.WaitForStep(3, kLong);
  const size_t stopped_after = job.Interrupt(kLong);
  job.ResumeToEnd("rollout-1", kLong);
  const report::RunLog log = job.Log();
  ASSERT_EQ(log.rl_steps.size(), 10u);
  EXPECT_EQ(log.rl_steps[stopped_after].step, static_cast<int64_t>(stopped_after) + 1);
}

TEST(JobTest, AStopDuringAnEvaluationLosesNoPoint) {
  Job job({"learner.steps=6", "evaluation.every_steps=2"});
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  // Step 4 is logged right before its evaluation.
  job.WaitForStep(4, kLong);
  job.Interrupt(kLong);
  job.ResumeToEnd("rollout-1", kLong);
  std::vector<int64_t> evaluated;
  for (const report::Evaluation& evaluation : job.Log().evaluations) {
    if (evaluation.stage == report::Stage::kRl && evaluation.split == report::Split::kValidation)
      evaluated.push_back(evaluation.step);
  }
  EXPECT_EQ(evaluated, (std::vector<int64_t>{2, 4, 6}));
}

TEST(JobTest, AResumedLearnerTakesAnotherConfigurationOnlyWithConsent) {
  Job job({"learner.steps=0", "learner.sft.steps=3", "evaluation.every_steps=0"});
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  EXPECT_EQ(job.WaitForEnd("learner", kLong).code, 0) << job.LogText("learner");
  std::vector<std::string> changed = job.arguments("convrec-learner", "learner");
  changed.insert(changed.end(), {"--resume", "learner.optimizer.learning_rate=1.0e-3"});
  const CommandResult refused = RunCommand(changed, kLong);
  EXPECT_EQ(refused.exit.code, 78) << refused.output;
  EXPECT_NE(refused.output.find("learner.optimizer.learning_rate: "), std::string::npos)
      << refused.output;
  changed.push_back("--allow-config-change");
  const CommandResult allowed = RunCommand(changed, kLong);
  EXPECT_EQ(allowed.exit.code, 0) << allowed.output;
}

// Synchronous training does not depend on how groups were batched, which worker sampled them, or
// whether the learner was killed in between.
TEST(JobTest, SynchronousTrainingKilledAndResumedWithOtherWorkersGivesTheSameBits) {
  std::string models[2];
  for (int killed : {0, 1}) {
    Job job({"learner.steps=8", "learner.checkpoint.every_steps=3", "learner.sft.steps=60"});
    job.StartReward();
    job.StartLearner();
    job.StartWorker("rollout-1");
    if (killed == 1) {
      job.StartWorker("rollout-2");
      job.WaitForStep(5, kLong);
      job.child("learner").Signal(SIGKILL);
      EXPECT_EQ(job.WaitForEnd("learner", kLong).signal, SIGKILL);
      job.StartLearner(/*resume=*/true);  // The workers have stayed.
      job.StartWorker("rollout-3");
    }
    ASSERT_EQ(job.WaitForEnd("learner", kLong).code, 0) << job.LogText("learner");
    models[killed] = *base::ReadFile(base::JoinPath(job.run_dir(), "model/model.safetensors"));
    EXPECT_EQ(job.Log().rl_steps.size(), 8u);
  }
  EXPECT_EQ(models[0], models[1]);
}

TEST(JobTest, SupervisedTrainingStoppedAndResumedGivesTheSameBits) {
  std::string models[2];
  for (int stop : {0, 1}) {
    Job job({"learner.steps=0", "learner.sft.steps=120", "learner.checkpoint.every_steps=40"});
    job.StartReward();
    job.StartLearner();
    if (stop == 1) {
      while (job.Log().sft_steps.size() < 60) ASSERT_TRUE(!job.child("learner").Poll());
      job.child("learner").Signal(SIGKILL);  // Not even a chance to write a checkpoint.
      EXPECT_EQ(job.WaitForEnd("learner", kLong).signal, SIGKILL);
      job.StartLearner(/*resume=*/true);
    }
    job.StartWorker("rollout-1");
    ASSERT_EQ(job.WaitForEnd("learner", kLong).code, 0) << job.LogText("learner");
    models[stop] = *base::ReadFile(base::JoinPath(job.run_dir(), "model/model.safetensors"));
    EXPECT_EQ(job.Log().sft_steps.size(), 120u);
  }
  EXPECT_EQ(models[0], models[1]);
}

}  // namespace
}  // namespace convrec::testing
