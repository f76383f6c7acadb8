// The invented part of the sample (synthetic data): which films are popular, and how a taste scores
// a film.
//
// Titles, years and genres are facts. Popularity, tastes and everything drawn from them are not:
// they follow from a seed and the options below.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libs/catalog/catalog.h"
#include "libs/world/film_catalog.h"

namespace convrec::world {

// Eras: before 1970, then by decade, the last one from 2010 on.
inline constexpr int kNumEras = 6;
int EraOf(int year);

struct WorldOptions {
  uint64_t seed = 1;
  int num_films = 1200;  // In the catalog; further films are known to the teacher only.
  int num_core = 300;    // The most popular films, which carry most of the taste.
  double popularity_exponent = 1.2;
  double popularity_offset = 1;  // popularity = 1 / (rank + offset)^exponent, ranks from 0 ...
  double tail_factor = 0.05;     // ... times this for films outside the core.
};

// The weight of each part of a taste in the log-odds of a film.
struct TasteWeights {
  double main_genre = 4;   // The film's main genre is the taste's first genre.
  double has_genre = 0.5;  // Per genre of the taste that the film has.
  double era = 1;
  double popularity = 0.8;  // Times log(popularity).
};

// Example: {4, 3, 3} likes crime films best, comedies less, and prefers the nineties.
struct Taste {
  int genre = 0;
  std::optional<int> second_genre{};
  std::optional<int> era{};
};

// Immutable after construction.
class World final {
 public:
  // Dies if there are fewer films than the catalog needs.
  World(const std::vector<Film>& films, const WorldOptions& options);

  // The catalog's films, most popular first, then the films outside it. An index into this vector
  // is a film's id everywhere in this folder.
  const std::vector<Film>& films() const { return films_; }
  size_t num_films() const { return num_films_; }  // In the catalog.
  size_t num_core() const { return num_core_; }
  double popularity(size_t film) const { return popularity_[film]; }
  const std::vector<size_t>& core_films_of_genre(int genre) const {
    return core_by_genre_[static_cast<size_t>(genre)];
  }
  const std::vector<size_t>& outside_films_of_genre(int genre) const {
    return outside_by_genre_[static_cast<size_t>(genre)];
  }

  // log of the unnormalised probability that someone with this taste names this film.
  double Score(size_t film, const Taste& taste, const TasteWeights& weights) const;
  // The score of each film in the catalog.
  std::vector<double> Scores(const Taste& taste, const TasteWeights& weights) const;

  // The catalog's films as a catalog::Catalog, in the same order.
  catalog::Catalog ToCatalog() const;

 private:
  std::vector<Film> films_;
  std::vector<double> popularity_;
  std::vector<std::vector<size_t>> core_by_genre_;     // By main genre.
  std::vector<std::vector<size_t>> outside_by_genre_;  // By main genre, films outside the catalog.
  size_t num_films_;
  size_t num_core_;
};

}  // namespace convrec::world
