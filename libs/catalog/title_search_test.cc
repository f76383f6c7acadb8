#include "libs/catalog/title_search.h"

#include <gtest/gtest.h>

#include "libs/base/random.h"
#include "libs/text/words.h"

namespace convrec::catalog {
namespace {

Catalog Films() {
  std::vector<CatalogItem> films;
  const auto add = [&films](const std::string& title, int year) {
    films.emplace_back().item = {title, year};
  };
  add("The Matrix", 1999);
  add("The Matrix Reloaded", 2003);
  add("Amélie", 2001);
  films.back().aliases = {"Le Fabuleux Destin d'Amélie Poulain"};
  add("Rocky 2", 1979);
  add("Rocky 3", 1982);
  add("Schindler’s List", 1993);
  add("七人の侍", 1954);
  return *Catalog::FromItems(films, "test");
}

TEST(TitleSearchTest, TitlesAreComparedByLettersAndDigits) {
  EXPECT_EQ(ComparedText("  The  MATRIX: Reloaded!", Similarity::kEdit), "the matrix reloaded");
  EXPECT_EQ(ComparedText("Matrix, The", Similarity::kTokenSort), "matrix the");
  EXPECT_EQ(ComparedText("Schindler’s Ame\u0301lie", Similarity::kEdit), "schindlers amelie");
  EXPECT_EQ(ComparedText("!?", Similarity::kEdit), "");
}

TEST(TitleSearchTest, FindsTheNearestTitleOrAliasOfTheYear) {
  const Catalog films = Films();
  const TitleSearch search(&films, Similarity::kTokenSort);
  EXPECT_EQ(search.Nearest("Matrix, The", 1999, 0, .9)->item, 0u);
  EXPECT_EQ(search.Nearest("Matrix, The", 1999, 0, .9)->similarity, 1);
  EXPECT_FALSE(search.Nearest("Matrix, The", 2000, 0, .9).has_value());
  EXPECT_EQ(search.Nearest("Matrix, The", 2000, 1, .9)->item, 0u);
  EXPECT_EQ(search.Nearest("Le fabuleux destin d'Amelie Poulin", 2001, 0, .9)->item, 2u);
  EXPECT_EQ(search.Nearest("Schindlers List", 1993, 0, .99)->item, 5u);
  EXPECT_EQ(search.Nearest("七人の侍", 1954, 0, .99)->item, 6u);
  EXPECT_FALSE(search.Nearest("?", 1999, 100, .1).has_value());
}

TEST(TitleSearchTest, APartTwoIsNoMisspeltPartThree) {
  const Catalog films = Films();
  const TitleSearch search(&films, Similarity::kEdit);
  EXPECT_FALSE(search.Nearest("Rocky 4", 1979, 5, .5).has_value());
  EXPECT_EQ(search.NearestOfAnyYear("Rocky 4", 1979, .5)->item, 3u);  // The nearer year.
  EXPECT_EQ(search.NearestOfAnyYear("Rocky 4", 1985, .5)->item, 4u);
}

// Compared with a plain table over every pair.
TEST(TitleSearchTest, NothingIsOverlooked) {
  base::RandomStream random(41, 0);
  const auto draw_title = [&random](uint64_t max_length) {
    std::string title = "x";
    const uint64_t length = random.Below(max_length);
    for (uint64_t i = 0; i < length; ++i) title += "abc 12"[random.Below(6)];
    return title;
  };
  for (int round = 0; round < 200; ++round) {
    const uint64_t max_length = round % 4 == 0 ? 150 : 12;  // Beyond 64 bytes too.
    std::vector<CatalogItem> items;
    for (int i = 0; i < 30; ++i)
      items.push_back({{draw_title(max_length) + "z" + std::to_string(i), 2000 + i % 3}, {}, 0});
    const Catalog catalog = *Catalog::FromItems(items, "test");
    for (const Similarity similarity : {Similarity::kEdit, Similarity::kTokenSort}) {
      const TitleSearch search(&catalog, similarity);
      const std::string title = draw_title(max_length);
      const double threshold = random.Uniform();
      const std::string wanted = ComparedText(title, similarity);
      double best = 0;
      for (const CatalogItem& entry : items) {
        const std::string text = ComparedText(entry.item.title, similarity);
        const double longer = static_cast<double>(std::max(text.size(), wanted.size()));
        best = std::max(best, 1 - static_cast<double>(text::EditDistance(text, wanted)) / longer);
      }
      const auto found = search.NearestOfAnyYear(title, 2001, threshold);
      ASSERT_EQ(found.has_value(), best >= threshold) << title;
      if (found) {
        ASSERT_EQ(found->similarity, best) << title;
      }
    }
  }
}

}  // namespace
}  // namespace convrec::catalog
