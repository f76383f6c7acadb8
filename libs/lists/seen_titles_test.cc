#include "libs/lists/seen_titles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/lists/list_judge.h"
#include "libs/lists/list_reader.h"

namespace convrec::lists {
namespace {

using enum domain::LineOutcome;
using ::testing::ElementsAre;

class SeenTitlesTest : public ::testing::Test {
 protected:
  static catalog::Catalog Films() {
    std::vector<catalog::CatalogItem> films;
    for (const domain::Item& item : std::vector<domain::Item>{{"Heat", 1986},
                                                              {"Heat", 1995},
                                                              {"Seven", 1995},
                                                              {"FIFA", 2020},
                                                              {"FIFA (2020)", 2019}})
      films.push_back({.item = item, .genres = {}});
    films[2].aliases = {"Se7en"};
    return *catalog::Catalog::FromItems(films, "test");
  }

  std::vector<domain::LineOutcome> Judge(const std::string& text,
                                         const std::vector<std::string>& seen_titles,
                                         RankCounting counting = RankCounting::kByLine) {
    ListReader reader;
    ListJudge judge(&catalog_, {});
    const ListTarget target(catalog_, {}, seen_titles, counting);
    std::vector<domain::LineOutcome> outcomes;
    for (const JudgedLine& line : judge.JudgeAll(reader.Read(text, counting), target))
      outcomes.push_back(line.outcome);
    return outcomes;
  }

  const catalog::Catalog catalog_ = Films();
};

TEST_F(SeenTitlesTest, ATitleOfSeveralItemsBlocksNone) {
  EXPECT_THAT(ItemsNamed(catalog_, "Heat"), ElementsAre(0, 1));
  EXPECT_THAT(ItemsSeen(catalog_, "Heat"), ElementsAre());
  EXPECT_THAT(Judge("Heat (1986)\nHeat (1995)\nHeat (2013)", {"Heat"}),
              ElementsAre(kMiss, kMiss, kSeen));  // The last is no item.
}

TEST_F(SeenTitlesTest, ATitleOrAliasOfOneItemBlocksIt) {
  EXPECT_THAT(ItemsSeen(catalog_, "Se7en"), ElementsAre(2));
  EXPECT_THAT(ItemsSeen(catalog_, "heat"), ElementsAre());  // Only as written.
  EXPECT_THAT(Judge("Heat (1986)\nSeven (1995)\nSe7en (1995)", {"Se7en"}),
              ElementsAre(kMiss, kSeen, kSeen));
}

TEST_F(SeenTitlesTest, ATitleWithItsYearBlocksThatItemAlone) {
  EXPECT_THAT(ItemsSeen(catalog_, "Heat (1995)"), ElementsAre(1));
  EXPECT_THAT(ItemsSeen(catalog_, "Se7en (1995)"), ElementsAre(2));
  EXPECT_THAT(ItemsSeen(catalog_, "Heat (1996)"), ElementsAre());
  EXPECT_THAT(Judge("Heat (1986)\nHeat (1995)\nSeven (1995)", {"Heat (1995)", "Se7en (1995)"}),
              ElementsAre(kMiss, kSeen, kSeen));
}

TEST_F(SeenTitlesTest, ATextThatIsATitleStandsForThatTitle) {
  EXPECT_THAT(ItemsSeen(catalog_, "FIFA (2020)"), ElementsAre(4));
  EXPECT_THAT(ItemsSeen(catalog_, "FIFA (2020) (2019)"), ElementsAre(4));
}

TEST_F(SeenTitlesTest, TheReferenceComparesTextsOnly) {
  EXPECT_THAT(Judge("Heat (1986)\nHeat (1995)", {"Heat (1995)"}, RankCounting::kReference),
              ElementsAre(kMiss, kMiss));
  EXPECT_THAT(Judge("Heat (1986)\nHeat (1995)", {"Heat"}, RankCounting::kReference),
              ElementsAre(kSeen, kSeen));
  EXPECT_THAT(ItemsSeen(catalog_, "Heat", RankCounting::kReference), ElementsAre(0, 1));
}

TEST(SeenSongsTest, ABareTitleBlocksTheOneItemOfThatTitle) {
  const text::LineFormat format = *text::LineFormat::Parse("{title} - {artist}");
  std::vector<catalog::CatalogItem> items(3);
  items[0].item.title = "Blue - Joni Mitchell";
  items[0].mentions = {"Blue"};
  items[1].item.title = "Hurt - Johnny Cash";
  items[1].mentions = {"Hurt"};
  items[2].item.title = "Hurt - Nine Inch Nails";
  items[2].mentions = {"Hurt"};
  const catalog::Catalog songs =
      *catalog::Catalog::FromItems(items, "songs", catalog::TitleForm::kAsWritten, format);
  EXPECT_THAT(ItemsSeen(songs, "Blue"), ElementsAre(0));
  EXPECT_THAT(ItemsSeen(songs, "Hurt - Johnny Cash"), ElementsAre(1));
  EXPECT_THAT(ItemsNamed(songs, "Hurt"), ElementsAre(1, 2));
  EXPECT_THAT(ItemsSeen(songs, "Hurt"), ElementsAre());
  EXPECT_THAT(ItemsNamed(songs, "blue"), ElementsAre());
}

}  // namespace
}  // namespace convrec::lists
