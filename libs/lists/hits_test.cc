#include <gtest/gtest.h>

#include "libs/lists/testing/judge_ranks.h"

namespace convrec::lists {
namespace {

using enum domain::LineOutcome;
using Outcomes = std::vector<domain::LineOutcome>;

class HitsTest : public ::testing::Test {
 protected:
  Outcomes Judge(const std::string& text,
                 const std::vector<domain::Item>& ground_truth,
                 const std::vector<std::string>& seen_titles = {},
                 HitOptions options = {}) {
    return JudgeRanks(
        ParseList(text, RankCounting::kByLine), ground_truth, seen_titles, catalog_, options);
  }

  const catalog::Catalog catalog_ = *catalog::Catalog::FromItems({{{"Heat", 1995}, {}, 0},
                                                                  {{"Alien", 1979}, {}, 0},
                                                                  {{"Alien", 1981}, {}, 0},
                                                                  {{"STRASSE", 2000}, {}, 0}},
                                                                 "test");
};

TEST_F(HitsTest, OutcomesFollowTheirPrecedence) {
  EXPECT_EQ(Judge("Alien (1979)\nHeat (1995)\nAlien (1979)\nAlien\nGhost (1990)\nAlien (1981)",
                  {{"Alien", 1979}},
                  {"Heat"}),
            (Outcomes{kHit, kSeen, kDuplicate, kMalformed, kOffCatalog, kMiss}));
}

TEST_F(HitsTest, SeenAndOffCatalogItemsAreNeverHits) {
  EXPECT_EQ(Judge("Heat (1995)", {{"Heat", 1995}}, {"Heat"}), (Outcomes{kSeen}));
  EXPECT_EQ(Judge("Heat (1995)", {{"Heat", 1995}}, {"heat"}), (Outcomes{kHit}));  // Exact text.
  EXPECT_EQ(Judge("Heat (1996)", {{"Heat", 1996}}), (Outcomes{kOffCatalog}));
}

TEST_F(HitsTest, TitlesMatchByFullCaseFolding) {
  EXPECT_EQ(Judge("STRASSE (2000)", {{"  straße ", 2000}}), (Outcomes{kHit}));
}

TEST_F(HitsTest, GroundTruthWithinTheToleranceIsConsumedOnce) {
  EXPECT_EQ(Judge("Heat (1995)\nHeat (1995)", {{"Heat", 1997}}), (Outcomes{kHit, kDuplicate}));
  EXPECT_EQ(Judge("Heat (1995)\nHeat (1995)", {{"Heat", 1997}, {"Heat", 1995}}),
            (Outcomes{kHit, kHit}));
  EXPECT_EQ(Judge("Heat (1995)", {{"Heat", 1998}}), (Outcomes{kMiss}));
  EXPECT_EQ(Judge("Heat (1995)", {{"Heat", 1996}}, {}, {.year_tolerance = 0}), (Outcomes{kMiss}));
}

TEST_F(HitsTest, NearestYearIsTakenFirst) {
  // Rank 1 (1979) takes 1980, not 1977, so rank 2 (1981) finds nothing within two years but 1980.
  EXPECT_EQ(Judge("Alien (1979)\nAlien (1981)", {{"Alien", 1977}, {"Alien", 1980}}),
            (Outcomes{kHit, kMiss}));
  // At equal distance the later year takes precedence: 1980 before 1978.
  EXPECT_EQ(Judge("Alien (1979)\nAlien (1981)", {{"Alien", 1978}, {"Alien", 1980}}),
            (Outcomes{kHit, kMiss}));
  EXPECT_EQ(Judge("Alien (1981)\nAlien (1979)", {{"Alien", 1978}, {"Alien", 1980}}),
            (Outcomes{kHit, kHit}));
}

TEST_F(HitsTest, RanksPastNAreNeverHits) {
  EXPECT_EQ(Judge("Heat (1995)\nAlien (1979)\nHeat (1995)",
                  {{"Alien", 1979}, {"Heat", 1995}, {"Heat", 1995}},
                  {},
                  {.num_ranks = 1}),
            (Outcomes{kHit, kMiss, kDuplicate}));
}

}  // namespace
}  // namespace convrec::lists
