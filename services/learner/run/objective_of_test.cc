#include "services/learner/run/objective_of.h"

#include <gtest/gtest.h>

#include "libs/config/load.h"

namespace convrec::learner {
namespace {

Objective Load(std::vector<std::string> overrides) {
  for (std::string& assignment : overrides) assignment = "learner.objective." + assignment;
  const auto options = config::LoadRunOptions({}, overrides);
  EXPECT_TRUE(options.ok()) << options.status();
  const Objective objective = options.ok() ? ObjectiveOf(*options) : Objective();
  return objective;
}

TEST(ObjectiveOfTest, EveryMethodIsWhatItsNameSays) {
  EXPECT_EQ(Describe(Load({})), Describe(Objective()));
  EXPECT_EQ(
      Describe(Load({"method=grpo"})),
      "sequence advantages of the list's dcg, token ratios against the sampling policy clipped "
      "to [0.8, 1.2], loss grpo, KL weight 0.001 (k3), compat fixed");
  EXPECT_EQ(Describe(Load({"method=gspo"})),
            "sequence advantages of the list's dcg, sequence ratios against the sampling policy "
            "clipped to [0.9997, 1.0004], loss grpo, KL weight 0 (k3), compat fixed");
  EXPECT_EQ(
      Describe(Load({"method=dr_grpo"})),
      "sequence advantages of the list's dcg, token ratios against the sampling policy clipped "
      "to [0.8, 1.2], loss dr_grpo, KL weight 0 (k3), compat fixed");
  EXPECT_FALSE(Load({"method=dr_grpo"}).scale_rewards);
  EXPECT_EQ(
      Describe(Load({"method=dapo"})),
      "sequence advantages of the list's dcg, token ratios against the sampling policy clipped "
      "to [0.8, 1.28], loss bnpo, KL weight 0 (k3), compat fixed");
  EXPECT_TRUE(Load({"method=dapo"}).mask_truncated);
}

TEST(ObjectiveOfTest, EveryKeyArrives) {
  const Objective objective = Load({"ratio_unit=token",
                                    "advantage_unit=sequence",
                                    "list_reward=sum",
                                    "ratio_cap=3",
                                    "kl_estimator=k2",
                                    "entropy_weight=0.5",
                                    "correction=mask",
                                    "correction_unit=sequence",
                                    "correction_pooling=sum",
                                    "correction_min=0.25",
                                    "correction_max=4"});
  EXPECT_EQ(objective.ratio_unit, Unit::kToken);
  EXPECT_EQ(objective.list_reward, ListReward::kSum);
  EXPECT_EQ(objective.ratio_cap, 3);
  EXPECT_EQ(objective.kl_estimator, KlEstimator::kK2);
  EXPECT_EQ(objective.entropy_weight, 0.5);
  EXPECT_EQ(objective.correction, Correction::kMask);
  EXPECT_EQ(objective.correction_unit, Unit::kSequence);
  EXPECT_EQ(objective.correction_pooling, Pooling::kSum);
  EXPECT_EQ(objective.correction_min, 0.25);
  EXPECT_EQ(objective.correction_max, 4);
}

}  // namespace
}  // namespace convrec::learner
