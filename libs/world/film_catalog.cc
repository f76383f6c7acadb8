#include "libs/world/film_catalog.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "libs/lists/list_format.h"

namespace convrec::world {
namespace {

absl::StatusOr<std::vector<int>> ParseGenres(const std::string& text) {
  std::vector<int> genres;
  for (const std::string& name : std::vector<std::string>(absl::StrSplit(text, ", "))) {
    const auto found = std::find(kGenres.begin(), kGenres.end(), name);
    if (found == kGenres.end()) {
      return absl::InvalidArgumentError(absl::StrCat("unknown genre \"", name, "\""));
    }
    const int genre = static_cast<int>(found - kGenres.begin());
    if (std::find(genres.begin(), genres.end(), genre) != genres.end()) {
      return absl::InvalidArgumentError(absl::StrCat("genre \"", name, "\" stands there twice"));
    }
    genres.push_back(genre);
  }
  if (genres.size() > 3) return absl::InvalidArgumentError("more than three genres");
  return genres;
}

absl::StatusOr<Film> ParseFilm(const std::string& line) {
  const std::vector<std::string> fields = absl::StrSplit(line, '\t');
  if (fields.size() != 3) {
    return absl::InvalidArgumentError(
        absl::StrCat(fields.size(), " fields where title, year and genres were expected"));
  }
  Film film;
  film.item.title = fields[0];
  if (!absl::SimpleAtoi(fields[1], &film.item.year)) {
    return absl::InvalidArgumentError(absl::StrCat("year \"", fields[1], "\" is no number"));
  }
  for (const auto style : {lists::ListStyle::kPlain, lists::ListStyle::kNumbered}) {
    if (!lists::SurvivesRoundTrip(film.item, style)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a list line with \"", lists::FormatItem(film.item), "\" is read as another film"));
    }
  }
  CR_ASSIGN_OR_RETURN(film.genres, ParseGenres(fields[2]));
  return film;
}

}  // namespace

absl::StatusOr<std::vector<Film>> ParseFilms(std::string_view text, const std::string& name) {
  std::vector<Film> films;
  absl::flat_hash_set<domain::Item> known;
  int line_number = 0;
  for (const std::string& line :
       std::vector<std::string>(absl::StrSplit(std::string(text), '\n'))) {
    ++line_number;
    if (line.empty() || line[0] == '#') continue;
    absl::StatusOr<Film> film = ParseFilm(line);
    if (!film.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ":", line_number, ": ", std::string(film.status().message())));
    }
    if (!known.insert(film->item).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          name, ":", line_number, ": ", lists::FormatItem(film->item), " stands there twice"));
    }
    films.push_back(*std::move(film));
  }
  return films;
}

std::vector<Film> EmbeddedFilms() {
  absl::StatusOr<std::vector<Film>> films = ParseFilms(kFilmsTsv, "films.tsv");
  CR_CHECK(films.ok(), films.status().ToString());
  return *std::move(films);
}

}  // namespace convrec::world
