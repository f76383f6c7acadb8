// The films that are built into the binary: title, year and genres, all facts, from films.tsv.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/domain/item.h"

namespace convrec::world {

inline constexpr std::array<std::string_view, 16> kGenres = {"action",
                                                             "adventure",
                                                             "animation",
                                                             "comedy",
                                                             "crime",
                                                             "drama",
                                                             "family",
                                                             "fantasy",
                                                             "horror",
                                                             "musical",
                                                             "mystery",
                                                             "romance",
                                                             "science fiction",
                                                             "thriller",
                                                             "war",
                                                             "western"};
inline constexpr int kNumGenres = static_cast<int>(kGenres.size());

// Example: {("Alien", 1979), {12, 8, 13}} is science fiction first, then horror and thriller.
struct Film {
  domain::Item item;
  std::vector<int> genres;  // Indices into kGenres, one to three, the main genre first.
};

// The text of films.tsv.
extern const std::string_view kFilmsTsv;

// Reads "title<TAB>year<TAB>genre, genre" lines; lines that begin with # are comments.
// InvalidArgument naming `name`, line and field for a malformed line, a repeated film, or a title
// that the list parser would read as a different one.
absl::StatusOr<std::vector<Film>> ParseFilms(std::string_view text, const std::string& name);

// All built-in films in the order of films.tsv: by year, and within a year roughly by fame, best
// known first.
std::vector<Film> EmbeddedFilms();

}  // namespace convrec::world
