#include "libs/world/remap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace convrec::world {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const catalog::Catalog& Films() {
  static const catalog::Catalog* const catalog =
      new catalog::Catalog(*catalog::Catalog::FromItems({{{"The Matrix", 1999}, {}, 0},
                                                         {{"Toy Story 2", 1999}, {}, 0},
                                                         {{"Toy Story 3", 2010}, {}, 0},
                                                         {{"Cinderella", 1950}, {}, 0},
                                                         {{"Cinderella", 2015}, {}, 0},
                                                         {{"Up", 2009}, {}, 0},
                                                         {{"Goodfellas", 1990}, {}, 0}},
                                                        "films"));
  return *catalog;
}

const domain::Item kMatrix{"The Matrix", 1999};
const domain::Item kGoodfellas{"Goodfellas", 1990};

// Remaps one line; returns the item it became, if any, and the one outcome that was counted.
std::pair<std::vector<domain::Item>, std::string> RemapLine(const std::string& line) {
  Remapper remapper(&Films(), {});
  const RemapResult result = remapper.Remap(line, {}, {});
  std::string outcome;
  for (size_t k = 0; k < kNumRepairs; ++k) {
    if (result.counts[k] > 0) outcome += RepairName(static_cast<Repair>(k));
  }
  return {result.items, outcome};
}

TEST(RemapTest, RepairsOrDropsALineByName) {
  const struct {
    const char* line;
    std::vector<domain::Item> items;
    const char* outcome;
  } cases[] = {
      {"The Matrix (1999)", {kMatrix}, "exact"},
      {"3. **The Matrix** (1999)", {kMatrix}, "exact"},
      {"The Matrix (2001)", {kMatrix}, "year_corrected"},  // 2 years off, the tolerance.
      {"The Matrix (2002)", {}, "off_catalog"},            // 3 years off.
      {"The Matrix", {kMatrix}, "year_supplied"},
      {"- \"The Matrix\"", {kMatrix}, "year_supplied"},
      {"Matrix (1999)", {kMatrix}, "title_corrected"},  // The article does not count.
      {"the matrix (1999)", {kMatrix}, "title_corrected"},
      {"The Martix (1999)", {}, "off_catalog"},  // 2 edits, 6 letters allow 1.
      {"The Matrx (1999)", {kMatrix}, "title_corrected"},
      {"Godofellas (1990)", {kGoodfellas}, "title_corrected"},  // 2 edits, 10 letters allow 2.
      {"Cinderella (2014)", {{"Cinderella", 2015}}, "year_corrected"},
      {"Cinderella", {{"Cinderella", 1950}}, "year_supplied"},  // The first of the catalog.
      {"Toy Story 4 (2010)", {}, "off_catalog"},                // Another part is another film.
      {"Us (2009)", {}, "off_catalog"},                         // Too short for an edit.
      {"Here are some films you might enjoy:", {}, "no_item"},
  };
  for (const auto& c : cases) {
    auto [items, outcome] = RemapLine(c.line);

    EXPECT_EQ(items, c.items) << c.line;
    EXPECT_EQ(outcome, c.outcome) << c.line;
  }
}

TEST(RemapTest, DropsSeenAndRepeatedItems) {
  Remapper remapper(&Films(), {});
  const RemapResult result = remapper.Remap(
      "The Matrix (1999)\nUp (2009)\nMatrix (1999)\nGoodfellas (1990)\n", {"Up"}, {});
  EXPECT_THAT(result.items, ElementsAre(kMatrix, kGoodfellas));
  EXPECT_EQ(result.counts[static_cast<size_t>(Repair::kExact)], 2);
  EXPECT_EQ(result.counts[static_cast<size_t>(Repair::kSeen)], 1);
  EXPECT_EQ(result.counts[static_cast<size_t>(Repair::kRepeated)], 1);
}

TEST(RemapTest, FillsUpInTheGivenOrderWithoutSeenAndListedItems) {
  Remapper remapper(&Films(), {.num_items = 3});
  const RemapResult result = remapper.Remap("The Matrix (1999)", {"Up"}, {0, 5, 6, 3, 4});
  EXPECT_THAT(result.items, ElementsAre(kMatrix, kGoodfellas, domain::Item{"Cinderella", 1950}));
  EXPECT_EQ(result.counts[static_cast<size_t>(Repair::kFilled)], 2);
}

TEST(RemapTest, KeepsTheFirstItemsOfALongList) {
  Remapper remapper(&Films(), {.num_items = 1});
  const RemapResult result = remapper.Remap("Goodfellas (1990)\nThe Matrix (1999)", {}, {});
  EXPECT_THAT(result.items, ElementsAre(kGoodfellas));
  EXPECT_EQ(result.counts[static_cast<size_t>(Repair::kSurplus)], 1);
}

TEST(RemapTest, AnEmptyListStaysEmptyWithoutAFillOrder) {
  Remapper remapper(&Films(), {});
  EXPECT_THAT(remapper.Remap("\n \n", {}, {}).items, IsEmpty());
}

TEST(RemapTest, ARememberedLineHasTheSameOutcome) {
  Remapper remapper(&Films(), {});
  const RemapResult first = remapper.Remap("Godofellas (1990)", {}, {});
  const RemapResult second = remapper.Remap("Godofellas (1990)", {}, {});
  EXPECT_EQ(first.items, second.items);
  EXPECT_EQ(first.counts, second.counts);
}

}  // namespace
}  // namespace convrec::world
