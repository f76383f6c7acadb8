#include "libs/world/world.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/random.h"
#include "libs/world/streams.h"

namespace convrec::world {
namespace {

// Films in order of fame. The order of the file within a year is the only evidence of fame, blurred
// by noise. Genres take turns in proportion to the square root of their sizes, so that a genre with
// few films also gets a share of the top.
std::vector<size_t> OrderByFame(const std::vector<Film>& films, uint64_t seed) {
  base::RandomStream random(seed, StreamOf(Purpose::kPopularity, 0, 0));
  std::map<int, size_t> films_in_year;
  for (const Film& film : films) ++films_in_year[film.item.year];
  std::map<int, size_t> place_in_year;
  std::vector<std::vector<std::pair<double, size_t>>> by_genre(kGenres.size());
  for (size_t i = 0; i < films.size(); ++i) {
    const int year = films[i].item.year;
    const double place = static_cast<double>(place_in_year[year]++) + 0.5;
    const double obscurity = place / static_cast<double>(films_in_year[year]);
    by_genre[static_cast<size_t>(films[i].genres[0])].emplace_back(
        obscurity + 0.05 * random.Normal(), i);
  }
  std::vector<std::pair<double, size_t>> turns;
  for (auto& genre : by_genre) {
    std::sort(genre.begin(), genre.end());
    const double share = std::sqrt(static_cast<double>(genre.size()));
    for (size_t k = 0; k < genre.size(); ++k) {
      turns.emplace_back((static_cast<double>(k) + random.Uniform()) / share, genre[k].second);
    }
  }
  std::sort(turns.begin(), turns.end());
  std::vector<size_t> order;
  for (const auto& turn : turns) order.push_back(turn.second);
  return order;
}

}  // namespace

int EraOf(int year) { return std::clamp((year - 1960) / 10, 0, kNumEras - 1); }

World::World(const std::vector<Film>& films, const WorldOptions& options)
    : core_by_genre_(kGenres.size()),
      outside_by_genre_(kGenres.size()),
      num_films_(static_cast<size_t>(options.num_films)),
      num_core_(static_cast<size_t>(options.num_core)) {
  CR_CHECK(num_films_ <= films.size(), "the catalog needs more films than there are");
  CR_CHECK(num_core_ <= num_films_, "the core is larger than the catalog");
  for (const size_t index : OrderByFame(films, options.seed)) {
    const size_t rank = films_.size();
    films_.push_back(films[index]);
    const double tail = rank < num_core_ ? 1 : options.tail_factor;
    popularity_.push_back(tail * std::pow(static_cast<double>(rank) + options.popularity_offset,
                                          -options.popularity_exponent));
    const size_t genre = static_cast<size_t>(films[index].genres[0]);
    if (rank < num_core_) core_by_genre_[genre].push_back(rank);
    if (rank >= num_films_) outside_by_genre_[genre].push_back(rank);
  }
}

double World::Score(size_t film, const Taste& taste, const TasteWeights& weights) const {
  const Film& facts = films_[film];
  double score = weights.popularity * std::log(popularity_[film]);
  if (facts.genres[0] == taste.genre) score += weights.main_genre;
  for (const int genre : facts.genres) {
    if (genre == taste.genre || genre == taste.second_genre) score += weights.has_genre;
  }
  if (taste.era == EraOf(facts.item.year)) score += weights.era;
  return score;
}

std::vector<double> World::Scores(const Taste& taste, const TasteWeights& weights) const {
  std::vector<double> scores(num_films_);
  for (size_t film = 0; film < num_films_; ++film) scores[film] = Score(film, taste, weights);
  return scores;
}

catalog::Catalog World::ToCatalog() const {
  std::vector<catalog::CatalogItem> items;
  for (size_t film = 0; film < num_films_; ++film) {
    catalog::CatalogItem item{
        .item = films_[film].item, .genres = {}, .popularity = popularity_[film]};
    for (const int genre : films_[film].genres)
      item.genres.emplace_back(kGenres[static_cast<size_t>(genre)]);
    items.push_back(std::move(item));
  }
  absl::StatusOr<catalog::Catalog> catalog = catalog::Catalog::FromItems(items, "the sample world");
  CR_CHECK(catalog.ok(), catalog.status().ToString());
  return *std::move(catalog);
}

}  // namespace convrec::world
