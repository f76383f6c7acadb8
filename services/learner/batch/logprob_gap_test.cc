#include "services/learner/batch/logprob_gap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace convrec::learner {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Two siblings of two tokens and one, sampled with log-probabilities of -1.
SampleGroup MakeSampleGroup(int64_t prompt, const std::string& worker) {
  SampleGroup group;
  group.id = {.pass = 2, .prompt = prompt};
  group.samples.resize(2);
  group.samples[0].sampled_logprobs = {-1, -1};
  group.samples[1].sampled_logprobs = {-1};
  group.worker = worker;
  group.in_float32 = true;
  return group;
}

TrainingBatch TwoGroups() {
  TrainingBatch batch;
  batch.groups = {MakeSampleGroup(7, "rollout-1"), MakeSampleGroup(8, "rollout-2")};
  return batch;
}

const Microbatch kWhole = {{0, {0, 1}}, {1, {0, 1}}};

TEST(LogprobGapTest, RoundingIsBelowTheBound) {
  LogprobGaps gaps;
  gaps.Add(TwoGroups(), kWhole, std::vector<double>{-1, -1.00002, -1, -1, -0.99999, -1});
  EXPECT_NEAR(gaps.largest(), 2e-5, 1e-9);
  EXPECT_TRUE(gaps.Check(0.05, {3}).ok());
}

TEST(LogprobGapTest, TheSentenceNamesGapBoundVersionWorkerAndGroup) {
  LogprobGaps gaps;
  gaps.Add(TwoGroups(), kWhole, std::vector<double>{-1, -1, -1, -1, -1.5, -1.25});
  const absl::Status status = gaps.Check(0.05, {3});
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  const std::string text(status.message());
  EXPECT_THAT(text, HasSubstr("with version 3 differ"));
  EXPECT_THAT(text, HasSubstr("by 0.5 (worker rollout-2, group 2:8), expected at most 0.05"));
  EXPECT_THAT(text, Not(HasSubstr("rollout-1")));
}

TEST(LogprobGapTest, EveryWorkerAboveTheBoundIsNamed) {
  LogprobGaps gaps;
  gaps.Add(TwoGroups(), kWhole, std::vector<double>{-1, -1, -4, -1, -1.5, -1});
  EXPECT_THAT(std::string(gaps.Check(0.05, {3}).message()),
              HasSubstr("by 3 (worker rollout-1, group 2:7), 0.5 (worker rollout-2, group 2:8), "));
}

TEST(LogprobGapTest, MicrobatchesOfAStepAddUp) {
  LogprobGaps gaps;
  gaps.Add(TwoGroups(), {{0, {1}}, {1, {0}}}, std::vector<double>{-1, -1, -1.25});
  EXPECT_EQ(gaps.largest(), 0.25);
  gaps.Add(TwoGroups(), {{0, {0}}, {1, {1}}}, std::vector<double>{-1, -1, -1.125});
  EXPECT_EQ(gaps.largest(), 0.25);
}

TEST(LogprobGapTest, OlderGroupsAndThoseSampledInBfloat16ArePassedOver) {
  TrainingBatch batch = TwoGroups();
  batch.groups[0].lag = 1;
  batch.groups[1].in_float32 = false;
  LogprobGaps gaps;
  gaps.Add(batch, kWhole, std::vector<double>{-2, -2, -2, -2, -2, -2});
  EXPECT_EQ(gaps.largest(), 0);
  EXPECT_TRUE(gaps.Check(0.05, {3}).ok());
}

TEST(LogprobGapTest, ATokenThatThePolicyCannotDrawIsAboveEveryBound) {
  LogprobGaps gaps;
  const double never = -std::numeric_limits<double>::infinity();
  gaps.Add(TwoGroups(), kWhole, std::vector<double>{-1, never, -1, -1, -1, -1});
  EXPECT_FALSE(gaps.Check(1e9, {3}).ok());
}

}  // namespace
}  // namespace convrec::learner
