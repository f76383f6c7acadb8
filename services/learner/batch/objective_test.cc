#include "services/learner/batch/objective.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace convrec::learner {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(const Objective& objective) {
  return std::string(Validate(objective).message());
}

TEST(ObjectiveTest, DefaultsAreValidAndSayWhatTheyAre) {
  EXPECT_TRUE(Validate(Objective()).ok());
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

TEST(ObjectiveTest, WhatMeansNothingIsRefusedWithAReason) {
  Objective objective;
  objective.advantage_unit = Unit::kToken;
  EXPECT_THAT(ErrorOf(objective), HasSubstr("no token has one of its own"));
  objective = Objective();
  objective.correction_max = 0.5;
  EXPECT_EQ(ErrorOf(objective), "objective.correction_max is 0.5, expected 1 or more");
  objective = Objective();
  objective.correction_min = 1.5;
  EXPECT_EQ(ErrorOf(objective), "objective.correction_min is 1.5, expected 0 to 1");
  objective = Objective();
  objective.entropy_weight = -1;
  EXPECT_EQ(ErrorOf(objective), "objective.entropy_weight is -1, expected 0 or more");
  objective = ReferenceObjective(20);
  objective.correction = Correction::kTruncate;
  EXPECT_THAT(ErrorOf(objective), HasSubstr("compat: reference"));
}

}  // namespace
}  // namespace convrec::learner
