#include "libs/lists/whole_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/domain/year.h"
#include "libs/lists/list_reader.h"
#include "libs/lists/odd_titles.h"

namespace convrec::lists {
namespace {

using ::testing::ElementsAre;

catalog::Catalog CatalogOf(const std::vector<std::string>& lines,
                           const std::string& format = "{title}",
                           catalog::TitleForm form = catalog::TitleForm::kAsWritten) {
  std::vector<catalog::CatalogItem> items;
  for (const std::string& line : lines) items.push_back({.item = {line}, .genres = {}});
  return *catalog::Catalog::FromItems(items, "test", form, *text::LineFormat::Parse(format));
}

// What a reader makes of a line; "-" for a malformed one.
std::string Read(const catalog::Catalog& catalog, const std::string& line) {
  const OddTitles odd_titles(catalog);
  ListReader reader(&odd_titles);
  const ListLine read = reader.ReadLine(line);
  EXPECT_EQ(read.year, domain::kNoYear);
  return read.status == LineStatus::kOk ? std::string(read.title) : "-";
}

TEST(WholeLinesTest, NumberingMarksQuotesAndSpacesAroundAnItemAreNoPartOfIt) {
  const catalog::Catalog catalog = CatalogOf({"Heat", "Wall E"});
  for (const char* const line : {"Heat",
                                 "1. Heat",
                                 "12) Heat",
                                 "3 - Heat",
                                 "- Heat",
                                 "* \"Heat\"",
                                 "**Heat**",
                                 "1. **\"Heat\"**  ",
                                 "### 2. Heat\r",
                                 "\u00a0Heat\u3000"}) {
    EXPECT_EQ(Read(catalog, line), "Heat") << line;
  }
  EXPECT_EQ(Read(catalog, "1. Wall \t E"), "Wall E");
}

TEST(WholeLinesTest, OfSeveralItemsTheLeastCleanedIsMeant) {
  const catalog::Catalog catalog = CatalogOf({"Reich", "3. Reich", "\"Reich\"", "#Reich"});
  EXPECT_EQ(Read(catalog, "3. Reich"), "3. Reich");
  EXPECT_EQ(Read(catalog, "1. 3. Reich"), "3. Reich");
  EXPECT_EQ(Read(catalog, "2. Reich"), "Reich");
  EXPECT_EQ(Read(catalog, "*\"Reich\"*"), "\"Reich\"");
  EXPECT_EQ(Read(catalog, "1. #Reich"), "#Reich");
}

TEST(WholeLinesTest, ALineWithoutAnItemIsCleanedOrMalformed) {
  const catalog::Catalog songs = CatalogOf({"Blue - Joni Mitchell"}, "{title} - {artist}");
  EXPECT_EQ(Read(songs, "4. **Hurt - Johnny Cash**"), "Hurt - Johnny Cash");
  EXPECT_EQ(Read(songs, "Here are some songs:"), "-");
  EXPECT_EQ(Read(songs, "1. "), "-");
  EXPECT_EQ(Read(songs, "\xff - \xff"), "\uFFFD - \uFFFD");
  EXPECT_EQ(Read(CatalogOf({"Heat"}), "** **"), "-");
}

TEST(WholeLinesTest, NormalFormsAreTheCatalogs) {
  const std::string nfd = "Ame\u0301lie", nfc = "Am\u00e9lie";
  EXPECT_EQ(Read(CatalogOf({nfc}), "1. " + nfd), nfd);  // Off the catalog.
  EXPECT_EQ(Read(CatalogOf({nfc}, "{title}", catalog::TitleForm::kNfc), "1. " + nfd), nfc);
}

TEST(WholeLinesTest, InNumberedListsANumberMayBeTheTitles) {
  const catalog::Catalog catalog = CatalogOf({"Reich", "3. Reich", "30. Reich", "Heat"});
  const OddTitles odd_titles(catalog);
  EXPECT_THAT(odd_titles.NotReadBack(RankCounting::kByLine, ListStyle::kNumbered, 20),
              ElementsAre(0));
  EXPECT_THAT(odd_titles.NotReadBack(RankCounting::kByLine, ListStyle::kNumbered, 2),
              ElementsAre());
  EXPECT_THAT(odd_titles.NotReadBack(RankCounting::kByLine, ListStyle::kPlain, 20), ElementsAre());
}

TEST(WholeLinesTest, LongFormattingCostsNoMoreThanItsBound) {
  const catalog::Catalog catalog = CatalogOf({"Heat"});
  EXPECT_EQ(Read(catalog, std::string(40, '*') + "Heat" + std::string(40, '*')), "Heat");
  EXPECT_EQ(Read(catalog, std::string(100'000, '*')), "-");
}

}  // namespace
}  // namespace convrec::lists
