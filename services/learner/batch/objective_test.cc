#include "services/learner/batch/objective.h"

#include <gtest/gtest.h>

namespace convrec::learner {
namespace {

TEST(ObjectiveTest, DefaultsSayWhatTheyAre) {
  EXPECT_EQ(
      Describe(Objective()),
      "rank advantages, rank ratios against the sampling policy clipped to [0.94, 1.08], loss "
      "paper, KL weight 0.001 (k3), compat fixed");
}

TEST(ObjectiveTest, DescriptionNamesCorrectionListRewardAndEntropy) {
  Objective objective;
  objective.advantage_unit = Unit::kSequence;
  objective.correction = Correction::kMask;
  objective.correction_unit = Unit::kSequence;
  objective.correction_pooling = Pooling::kSum;
  objective.entropy_weight = 0.01;
  objective.kl_estimator = KlEstimator::kK1;
  EXPECT_EQ(
      Describe(objective),
      "sequence advantages of the list's dcg, rank ratios against the policy before the step "
      "clipped to [0.94, 1.08], sequence product weights against the sampling policy masked "
      "outside of [0.5, 2], loss paper, KL weight 0.001 (k1, whose gradient does not hold the "
      "policy back), entropy weight 0.01, compat fixed");
}

}  // namespace
}  // namespace convrec::learner
