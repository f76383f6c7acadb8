#include "services/learner/batch/group_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "services/learner/batch/testing/groups.h"
#include "services/learner/batch/testing/reference_objective.h"

namespace convrec::learner {
namespace {

using domain::kEndUnit;
using domain::RolloutGroup;
using ::testing::HasSubstr;

Objective TwoRanks() {
  Objective objective;
  objective.num_ranks = 2;
  return objective;
}

RolloutGroup GroupWithRewards(std::vector<float> first, std::vector<float> second) {
  return MakeGroup({MakeRollout({0, 1, kEndUnit}, std::move(first)),
                    MakeRollout({0, 1, kEndUnit}, std::move(second))})
      .group;
}

TEST(GroupCheckTest, NamesWhatIsWrongWithAGroup) {
  RolloutGroup group = GroupWithRewards({1, 0}, {0, NAN});
  EXPECT_THAT(std::string(CheckGroup(group, TwoRanks()).message()),
              HasSubstr("rollout 1 of group 0:0 has the reward nan"));
  group = GroupWithRewards({1, 0}, {1});
  EXPECT_THAT(std::string(CheckGroup(group, TwoRanks()).message()), HasSubstr("has 1 rewards"));
  group = GroupWithRewards({1, 0}, {0, 0});
  group.rollouts[0].completion.sampled_logprobs.pop_back();
  EXPECT_THAT(std::string(CheckGroup(group, TwoRanks()).message()),
              HasSubstr("3 tokens, 2 log-probabilities"));
  group = GroupWithRewards({1, 0}, {0, 0});
  group.rollouts[0].rank_of_token = {0, 1, 1};
  EXPECT_THAT(std::string(CheckGroup(group, TwoRanks()).message()),
              HasSubstr("expected -1 for the end token"));
  group.rollouts[0].rank_of_token = {1, 0, kEndUnit};
  EXPECT_THAT(std::string(CheckGroup(group, TwoRanks()).message()),
              HasSubstr("has rank 0 at token 1, expected 1 or more"));
}

TEST(GroupCheckTest, ReferenceCountingHasNoEndUnit) {
  RolloutGroup group = GroupWithRewards({1, 0}, {0, 0});
  EXPECT_FALSE(CheckGroup(group, ReferenceObjective(2)).ok());
  for (domain::Rollout& rollout : group.rollouts) rollout.rank_of_token = {0, 1, 1};
  EXPECT_TRUE(CheckGroup(group, ReferenceObjective(2)).ok());
}

}  // namespace
}  // namespace convrec::learner
