#include "services/learner/batch/unit_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/domain/rollout.h"
#include "services/learner/batch/testing/reference_objective.h"

namespace convrec::learner {
namespace {

using domain::FinishReason;
using domain::kEndUnit;
using ::testing::ElementsAre;

TEST(UnitMapTest, OverflowLinesShareARatioButNotALossUnit) {
  Objective objective;
  objective.num_ranks = 2;
  const UnitMap map =
      MapUnits(std::vector<int32_t>{0, 1, 1, 2, 2, 3, kEndUnit}, FinishReason::kStop, objective);
  EXPECT_THAT(map.bin_of_token, ElementsAre(0, 1, 1, 2, 2, 2, 3));
  EXPECT_EQ(map.ratio_unit_of_token, map.bin_of_token);
  EXPECT_EQ(map.num_ratio_units, 4);
  EXPECT_THAT(map.loss_unit_size, ElementsAre(1, 2, 2, 2, 2, 1, 1));
}

TEST(UnitMapTest, ReferenceEndTokenSharesTheRatioOfItsBinAndIsALossUnitOfItsOwn) {
  const UnitMap map =
      MapUnits(std::vector<int32_t>{0, 0, 1, 1}, FinishReason::kStop, ReferenceObjective(2));
  EXPECT_THAT(map.bin_of_token, ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(map.loss_unit_size, ElementsAre(2, 2, 1, 1));
}

TEST(UnitMapTest, ReferenceEndTokenPastTheListIsOverflow) {
  const UnitMap map =
      MapUnits(std::vector<int32_t>{0, 1, 5}, FinishReason::kStop, ReferenceObjective(2));
  EXPECT_THAT(map.bin_of_token, ElementsAre(0, 1, 2));
}

TEST(UnitMapTest, SequenceAndTokenRatiosKeepTheBins) {
  Objective objective;
  objective.num_ranks = 2;
  const std::vector<int32_t> ranks = {0, 1, kEndUnit};
  objective.ratio_unit = Unit::kSequence;
  EXPECT_THAT(MapUnits(ranks, FinishReason::kStop, objective).ratio_unit_of_token,
              ElementsAre(0, 0, 0));
  objective.ratio_unit = Unit::kToken;
  const UnitMap map = MapUnits(ranks, FinishReason::kStop, objective);
  EXPECT_THAT(map.ratio_unit_of_token, ElementsAre(0, 1, 2));
  EXPECT_THAT(map.bin_of_token, ElementsAre(0, 1, 3));
  EXPECT_EQ(map.num_ratio_units, 3);
}

TEST(UnitMapTest, CorrectionUnitsDoNotDependOnRatioUnits) {
  Objective objective;
  objective.num_ranks = 2;
  objective.ratio_unit = Unit::kToken;
  objective.correction_unit = Unit::kRank;
  const std::vector<int32_t> ranks = {0, 0, 1, kEndUnit};
  const UnitMap map = MapUnits(ranks, FinishReason::kStop, objective);
  EXPECT_THAT(map.correction_unit_of_token, ElementsAre(0, 0, 1, 3));
  EXPECT_EQ(map.num_correction_units, 4);
  objective.correction_unit = Unit::kSequence;
  EXPECT_EQ(MapUnits(ranks, FinishReason::kStop, objective).num_correction_units, 1);
}

TEST(UnitMapTest, EmptyCompletionHasNoUnits) {
  const UnitMap map = MapUnits({}, FinishReason::kLength, Objective());
  EXPECT_TRUE(map.bin_of_token.empty());
}

}  // namespace
}  // namespace convrec::learner
