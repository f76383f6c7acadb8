#include "libs/lists/odd_titles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "libs/base/random.h"
#include "libs/lists/list_format.h"
#include "libs/lists/list_reader.h"
#include "tests/support/paths.h"

namespace convrec::lists {
namespace {

using domain::Item;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

catalog::Catalog CatalogOf(const std::vector<Item>& items,
                           catalog::TitleForm form = catalog::TitleForm::kAsWritten) {
  std::vector<catalog::CatalogItem> entries;
  for (const Item& item : items) entries.push_back({.item = item, .genres = {}});
  return *catalog::Catalog::FromItems(entries, "test", form);
}

std::optional<Item> Read(const OddTitles& odd_titles, const std::string& line) {
  ListReader reader(&odd_titles);
  const ListLine read = reader.ReadLine(line);
  if (read.status == LineStatus::kMalformed) return std::nullopt;
  return Item{std::string(read.title), read.year};
}

TEST(OddTitlesTest, EveryTitleOfTheFieldCatalogIsReadAsWritten) {
  const auto catalog = catalog::Catalog::Load(SourcePath("tests/field/catalogs/odd.jsonl"));
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  const OddTitles odd_titles(*catalog);
  int rank = 0;
  for (const catalog::CatalogItem& entry : catalog->items()) {
    const std::string line = FormatItem(entry.item);
    for (const std::string& text :
         {line,
          absl::StrCat(++rank, ". ", line),
          absl::StrCat("- ", line, " - a remark"),
          absl::StrCat("**", line, "**"),
          absl::StrCat("\"", entry.item.title, "\" (", entry.item.year, ")"),
          absl::StrCat("3) **", entry.item.title, "** (", entry.item.year, ")")})
      EXPECT_EQ(Read(odd_titles, text), entry.item) << text;
  }
  for (const ListStyle style : {ListStyle::kPlain, ListStyle::kNumbered})
    EXPECT_THAT(odd_titles.NotReadBack(RankCounting::kByLine, style, 20), IsEmpty());
}

TEST(OddTitlesTest, TheCatalogDecidesHowALineIsRead) {
  const std::string line = "12 - Apes (1995)";
  EXPECT_EQ(Read(OddTitles(CatalogOf({{"Apes", 1995}})), line), (Item{"Apes", 1995}));
  const OddTitles both(CatalogOf({{"Apes", 1995}, {"12 - Apes", 1995}, {"12 - Apes", 1996}}));
  EXPECT_EQ(Read(both, line), (Item{"12 - Apes", 1995}));
  EXPECT_EQ(Read(both, "1. Apes (1995)"), (Item{"Apes", 1995}));
  EXPECT_EQ(Read(both, "12. Apes (1995)"), (Item{"Apes", 1995}));
  EXPECT_EQ(Read(both, "12 - Apes (1996)"), (Item{"12 - Apes", 1996}));
  EXPECT_EQ(Read(both, "12 - Apes (1997)"), (Item{"Apes", 1997}));
  EXPECT_EQ(Read(both, "I like 12 - Apes (1995)"), (Item{"I like 12 - Apes", 1995}));
}

TEST(OddTitlesTest, AYearWithinATitleIsNotTheYearOfItsLine) {
  const OddTitles odd_titles(
      CatalogOf({{"FIFA (2020)", 2019}, {"FIFA", 2020}, {"(2000) Up", 1999}}));
  EXPECT_EQ(Read(odd_titles, "FIFA (2020) (2019)"), (Item{"FIFA (2020)", 2019}));
  EXPECT_EQ(Read(odd_titles, "4. FIFA (2020) (2019) - a game"), (Item{"FIFA (2020)", 2019}));
  EXPECT_EQ(Read(odd_titles, "FIFA (2020)"), (Item{"FIFA", 2020}));
  EXPECT_EQ(Read(odd_titles, "FIFA (2020) (2018)"), (Item{"FIFA", 2020}));
  EXPECT_EQ(Read(odd_titles, "2. (2000) Up (1999)"), (Item{"(2000) Up", 1999}));
}

TEST(OddTitlesTest, SpacesAndOtherScriptsAreComparedAsWritten) {
  const std::vector<Item> items = {
      {"A  B", 2001}, {"No\u00a0break", 2002}, {" edge ", 2003}, {"５、\u3000五", 2004}};
  const OddTitles odd_titles(CatalogOf(items));
  for (const Item& item : items)
    EXPECT_EQ(Read(odd_titles, absl::StrCat("1. ", FormatItem(item))), item) << item.title;
  EXPECT_EQ(Read(odd_titles, "A B (2001)"), (Item{"A B", 2001}));
  EXPECT_EQ(Read(odd_titles, "５、\u3000五 （2004）"), std::nullopt);
}

TEST(OddTitlesTest, NormalisedCatalogsCompareInTheirForm) {
  const OddTitles odd_titles(
      CatalogOf({{"(Les garçons) perdus", 1995}, {"-é-", 1996}}, catalog::TitleForm::kNfc));
  EXPECT_EQ(Read(odd_titles, "(Les garc\u0327ons) perdus (1995)"),
            (Item{"(Les garçons) perdus", 1995}));
  EXPECT_EQ(Read(odd_titles, "-e\u0301- (1996)"), (Item{"-é-", 1996}));
}

TEST(OddTitlesTest, AliasesAreTitlesToo) {
  catalog::CatalogItem entry{.item = {"Seven", 1995}, .genres = {}};
  entry.aliases = {"#7"};
  const OddTitles odd_titles(*catalog::Catalog::FromItems({entry}, "test"));
  EXPECT_EQ(Read(odd_titles, "1. #7 (1995)"), (Item{"#7", 1995}));
}

TEST(OddTitlesTest, WhatCannotBeReadBackIsNamed) {
  const catalog::Catalog catalog = CatalogOf({{"The Wall", 201},
                                              {"3. Reich Street", 2003},
                                              {"Reich Street", 2003},
                                              {"#Awake", 2020},
                                              {"Heat", 1995}});
  const OddTitles odd_titles(catalog);
  const auto of = [&](RankCounting counting, ListStyle style, int num_ranks) {
    return odd_titles.NotReadBack(counting, style, num_ranks);
  };
  EXPECT_THAT(of(RankCounting::kByLine, ListStyle::kPlain, 20), ElementsAre(0));
  // At rank 3 of a numbered list "Reich Street" is written as the other title is.
  EXPECT_THAT(of(RankCounting::kByLine, ListStyle::kNumbered, 20), ElementsAre(0, 2));
  EXPECT_THAT(of(RankCounting::kByLine, ListStyle::kNumbered, 2), ElementsAre(0));
  EXPECT_THAT(of(RankCounting::kReference, ListStyle::kPlain, 20), ElementsAre(0, 1, 3));
  EXPECT_EQ(DescribeNotReadBack(catalog, {0, 2}, 1),
            "2 of 5 titles cannot be read back from the line of a list: \"The Wall (201)\", ...");
  EXPECT_EQ(DescribeNotReadBack(catalog, {}), "");
}

// Titles of characters that the grammar minds, in one or two of their years.
TEST(OddTitlesTest, RandomTitlesAreReadBackOrNamed) {
  constexpr const char* kPieces[] = {"*", "_",      "-",  "#",       "\"", "'",    "(", ")",
                                     "1", "12",     ". ", ") ",      " ",  "  ",   "a", "B",
                                     "é", "\u00a0", "、", " (1999)", "- ", "((x))"};
  base::RandomStream random(5, 1);
  for (int round = 0; round < 200; ++round) {
    std::vector<Item> items;
    while (items.size() < 12) {
      std::string title;
      for (uint64_t n = 1 + random.Below(5); n > 0; --n) title += kPieces[random.Below(22)];
      const Item item{title, 1998 + static_cast<int>(random.Below(2))};
      if (title.find_first_not_of(" \u00a0") == std::string::npos) continue;
      if (std::find(items.begin(), items.end(), item) == items.end()) items.push_back(item);
    }
    const catalog::Catalog catalog = CatalogOf(items);
    const OddTitles odd_titles(catalog);
    for (const ListStyle style : {ListStyle::kPlain, ListStyle::kNumbered}) {
      std::vector<size_t> lost;
      ListReader reader(&odd_titles);
      for (size_t i = 0; i < items.size(); ++i) {
        bool is_lost = false;
        for (int rank = 1; rank <= 12; ++rank) {
          const std::string number = style == ListStyle::kNumbered ? absl::StrCat(rank, ". ") : "";
          const std::string line = number + FormatItem(items[i]);
          const ListLine read = reader.ReadLine(line);
          is_lost |= read.title != items[i].title || read.year != items[i].year;
        }
        if (is_lost) lost.push_back(i);
      }
      ASSERT_EQ(odd_titles.NotReadBack(RankCounting::kByLine, style, 12), lost) << round;
    }
  }
}

}  // namespace
}  // namespace convrec::lists
