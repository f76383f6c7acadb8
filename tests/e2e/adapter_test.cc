// A job that trains an adapter in place of all parameters.
#include <gtest/gtest.h>

#include <string>

#include "libs/base/files.h"
#include "tests/support/job.h"

namespace convrec::testing {
namespace {

constexpr absl::Duration kLong = absl::Minutes(5);

TEST(AdapterTest, AJobTrainsAnAdapterStopsAndGoesOn) {
  Job job({"learner.lora.rank=4",
           "learner.sft.steps=40",
           "learner.steps=6",
           "learner.publish.shared_memory=false"});
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  job.WaitForStep(3, kLong);
  const size_t stopped_after = job.Interrupt(kLong);
  job.ResumeToEnd("rollout-1", kLong);
  const report::RunLog log = job.Log();
  ASSERT_EQ(log.rl_steps.size(), 6u);
  EXPECT_EQ(log.rl_steps[stopped_after].step, static_cast<int64_t>(stopped_after) + 1);
  // Merged weights sample what the learner computes with base and adapter side by side.
  for (const report::RlStep& step : log.rl_steps) EXPECT_LT(step["logprob_gap"], 1e-3);
  for (const char* file : {"model/model.safetensors",
                           "adapter/adapter_model.safetensors",
                           "adapter/adapter_config.json",
                           "checkpoints/rl-6/adapter_model.safetensors"}) {
    EXPECT_TRUE(base::FileExists(base::JoinPath(job.run_dir(), file))) << file;
  }
  EXPECT_FALSE(
      base::FileExists(base::JoinPath(job.run_dir(), "checkpoints/rl-6/model.safetensors")));
}

}  // namespace
}  // namespace convrec::testing
