#include "services/learner/batch/replay.h"

#include <gtest/gtest.h>

#include "services/learner/batch/testing/fixed_constraint.h"
#include "services/learner/batch/testing/groups.h"

namespace convrec::learner {
namespace {

using domain::FinishReason;

// Token 7 or 8, then 10, then the end token 2.
const std::vector<std::vector<int32_t>> kLegal = {{7, 8}, {10}, {2}};

domain::RolloutGroup GroupOf(std::vector<int32_t> token_ids, FinishReason finish) {
  const size_t num_tokens = token_ids.size();
  domain::Rollout rollout = MakeRollout(std::vector<int32_t>(num_tokens, 0), {0}, finish);
  rollout.completion.token_ids = std::move(token_ids);
  return MakeGroup({rollout}).group;
}

void ExpectIllegal(const domain::RolloutGroup& group, const std::string& part) {
  const absl::Status status = CheckLegal(group, FixedConstraints(kLegal));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find(part), std::string::npos) << status;
}

TEST(ReplayTest, VisitsTheLegalIdsOfEveryToken) {
  std::vector<std::vector<int32_t>> visited;
  const auto constraint = FixedConstraints(kLegal)();
  const std::vector<int32_t> token_ids = {8, 10};
  const absl::Status status =
      Replay(constraint.get(), token_ids, [&visited](std::span<const int32_t> legal) {
        visited.emplace_back(legal.begin(), legal.end());
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(visited, (std::vector<std::vector<int32_t>>{{7, 8}, {10}}));
}

TEST(ReplayTest, CompleteAndCutListsAreLegal) {
  EXPECT_TRUE(CheckLegal(GroupOf({7, 10, 2}, FinishReason::kStop), FixedConstraints(kLegal)).ok());
  EXPECT_TRUE(CheckLegal(GroupOf({8, 10}, FinishReason::kLength), FixedConstraints(kLegal)).ok());
}

TEST(ReplayTest, ATokenThatIsNotLegalIsNamed) {
  ExpectIllegal(GroupOf({7, 9, 2}, FinishReason::kStop),
                "rollout 0 of group 0:0 has token id 9 at token 1, expected one of the 1");
}

TEST(ReplayTest, NothingIsLegalBehindTheEnd) {
  ExpectIllegal(GroupOf({7, 10, 2, 7}, FinishReason::kLength), "at token 3, expected one of the 0");
}

TEST(ReplayTest, TheFinishReasonMustFitTheList) {
  ExpectIllegal(GroupOf({7, 10}, FinishReason::kStop), "not complete");
  ExpectIllegal(GroupOf({7, 10, 2}, FinishReason::kLength), "is complete");
}

}  // namespace
}  // namespace convrec::learner
