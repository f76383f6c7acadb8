// A job whose lists are held to the catalog.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/files.h"
#include "tests/support/job.h"

namespace convrec::testing {
namespace {

constexpr absl::Duration kLong = absl::Minutes(10);

TEST(ConstrainedJobTest, EveryListIsOfTheCatalogAndRatiosStayExact) {
  Job job({"rollout.constrained=true",
           "evaluation.constrained=true",
           "rollout.max_new_tokens=600",
           "learner.sft.steps=100",
           "learner.steps=4"});
  job.StartReward();
  job.StartLearner();
  job.StartWorker("rollout-1");
  EXPECT_EQ(job.WaitForEnd("learner", kLong).code, 0) << job.LogText("learner");
  EXPECT_EQ(job.WaitForEnd("rollout-1", kLong).code, 0) << job.LogText("rollout-1");
  const report::RunLog log = job.Log();
  ASSERT_EQ(log.rl_steps.size(), 4u);
  for (const report::RlStep& step : log.rl_steps) {
    EXPECT_EQ(step["exact_ratio"], 1);
    EXPECT_EQ(step["eos_ratio"], 1);
    EXPECT_EQ(step["repeat_ratio"] + step["off_catalog_ratio"] + step["malformed_ratio"] +
                  step["seen_ratio"],
              0);
    EXPECT_LT(step["logprob_gap"], 1e-4);
    EXPECT_EQ(step["ratio_mean"], 1);
    EXPECT_EQ(step["dropped_groups"], 0);
  }
  ASSERT_EQ(log.evaluations.size(), 2u);
  for (const report::Evaluation& evaluation : log.evaluations) {
    // Means over rows, hence up to rounding.
    EXPECT_NEAR(evaluation["in_catalog_ratio"], 1, 1e-12);
    EXPECT_NEAR(evaluation["format_ratio"], 1, 1e-12);
    EXPECT_EQ(evaluation["exact_ratio"], 1);
    EXPECT_EQ(evaluation["repeat_ratio"] + evaluation["off_catalog_ratio"], 0);
  }
}

TEST(ConstrainedJobTest, ACatalogWithFewerTitlesThanRanksIsRefused) {
  const base::TemporaryDirectory dir;
  const std::string path = dir.path() + "/catalog.jsonl";
  ASSERT_TRUE(base::WriteFileAtomically(path, "{\"title\":\"Alien\",\"year\":1979}\n").ok());
  const Job job({"evaluation.constrained=true",
                 "learner.sft.steps=0",
                 "data.least_hittable=0",
                 absl::StrCat("data.catalog=", path)});
  const CommandResult result = RunCommand(job.arguments("convrec-learner", "learner"), kLong);
  EXPECT_EQ(result.exit.code, 65) << result.output;
  EXPECT_NE(result.output.find("fewer than the 20 ranks"), std::string::npos) << result.output;
}

}  // namespace
}  // namespace convrec::testing
