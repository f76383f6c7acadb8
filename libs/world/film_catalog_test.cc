#include "libs/world/film_catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "libs/lists/list_format.h"
#include "libs/lists/list_parser.h"

namespace convrec::world {
namespace {

using ::testing::HasSubstr;

TEST(FilmCatalogTest, HoldsAtLeastAThousandFilmsWithYearsAndGenres) {
  const std::vector<Film> films = EmbeddedFilms();
  EXPECT_GE(films.size(), 1000u);
  for (const Film& film : films) {
    EXPECT_GE(film.item.year, 1900) << film.item.title;
    EXPECT_LE(film.item.year, 2025) << film.item.title;
    EXPECT_GE(film.genres.size(), 1u) << film.item.title;
    EXPECT_LE(film.genres.size(), 3u) << film.item.title;
  }
}

TEST(FilmCatalogTest, EveryGenreIsSomeFilmsMainGenre) {
  std::set<int> genres;
  for (const Film& film : EmbeddedFilms()) genres.insert(film.genres[0]);
  EXPECT_EQ(genres.size(), kGenres.size());
}

TEST(FilmCatalogTest, AWholeListOfAllFilmsIsReadBackUnchanged) {
  std::vector<domain::Item> items;
  for (const Film& film : EmbeddedFilms()) items.push_back(film.item);
  for (const auto style : {lists::ListStyle::kPlain, lists::ListStyle::kNumbered}) {
    for (const auto counting : {lists::RankCounting::kByLine, lists::RankCounting::kReference}) {
      EXPECT_EQ(lists::ParseList(lists::FormatList(items, style), counting).Items(), items);
    }
  }
}

TEST(FilmCatalogTest, SameTitlesAreFurtherApartThanTheYearTolerance) {
  const std::vector<Film> films = EmbeddedFilms();
  for (size_t i = 0; i < films.size(); ++i) {
    for (size_t j = i + 1; j < films.size() && films[j].item.year - films[i].item.year <= 2; ++j) {
      EXPECT_NE(films[i].item.title, films[j].item.title);
    }
  }
}

TEST(FilmCatalogTest, KeepsSpecialCharactersOfTheFile) {
  const auto films = EmbeddedFilms();
  const auto has = [&](const domain::Item& item) {
    for (const Film& film : films) {
      if (film.item == item) return true;
    }
    return false;
  };
  EXPECT_TRUE(has({"What Ever Happened to Baby Jane?", 1962}));
  EXPECT_TRUE(has({"Face/Off", 1997}));
  EXPECT_TRUE(has({"Tora! Tora! Tora!", 1970}));
  EXPECT_TRUE(has({"'71", 2014}));
}

TEST(FilmCatalogTest, RefusesBadLinesAndNamesThePlace) {
  const struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"# comment\nAlien\t1979\n", "f.tsv:2: 2 fields where title, year and genres were expected"},
      {"Alien\tlong ago\thorror\n", "f.tsv:1: year \"long ago\" is no number"},
      {"Alien\t1979\tspace opera\n", "f.tsv:1: unknown genre \"space opera\""},
      {"Alien\t1979\thorror, horror\n", "stands there twice"},
      {"Alien\t1979\thorror, drama, war, crime\n", "more than three genres"},
      {"Blade Runner (Final Cut)\t1982\tdrama\n", "is read as another film"},
      {"Alien\t1979\thorror\nAlien\t1979\thorror\n", "f.tsv:2: Alien (1979) stands there twice"},
  };
  for (const auto& c : cases) {
    const auto films = ParseFilms(c.text, "f.tsv");
    ASSERT_EQ(films.status().code(), absl::StatusCode::kInvalidArgument) << c.text;
    EXPECT_THAT(std::string(films.status().message()), HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace convrec::world
