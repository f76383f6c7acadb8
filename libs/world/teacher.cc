#include "libs/world/teacher.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/random.h"
#include "libs/world/streams.h"

namespace convrec::world {
namespace {

constexpr std::array<const char*, 3> kIntroLines = {"Here are some films you might enjoy:",
                                                    "Sure! Based on your taste, I recommend:",
                                                    "Recommendations:"};

// What the words of the request say about the taste: a genre that is not named is guessed from the
// mentioned films.
Taste Understand(const World& world, const Request& request) {
  Taste taste{.genre = 0, .second_genre = request.second_genre, .era = request.era};
  if (request.genre.has_value()) {
    taste.genre = *request.genre;
    return taste;
  }
  std::array<int, kGenres.size()> count{};
  for (const size_t film : request.mentioned)
    ++count[static_cast<size_t>(world.films()[film].genres[0])];
  taste.genre = static_cast<int>(std::max_element(count.begin(), count.end()) - count.begin());
  return taste;
}

std::string Misspell(std::string title, base::RandomStream& random) {
  if (absl::StartsWith(title, "The ") && random.Below(2) == 0) return title.substr(4);
  if (title.size() < 5) return title;
  // Only ASCII letters are touched, so that the text stays valid UTF-8.
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const size_t at = 1 + static_cast<size_t>(random.Below(title.size() - 2));
  if (!is_plain(title[at]) || !is_plain(title[at + 1])) return title;
  switch (random.Below(3)) {
    case 0:
      return title.erase(at, 1);
    case 1:
      return title.insert(at, 1, title[at]);
    default:
      std::swap(title[at], title[at + 1]);
      return title;
  }
}

// Hands out one order of films, skipping those that are taken.
class Order final {
 public:
  explicit Order(std::vector<size_t> films) : films_(std::move(films)) {}
  size_t Next(const std::vector<bool>& taken) {
    while (taken[films_[next_]]) ++next_;
    return films_[next_];
  }

 private:
  std::vector<size_t> films_;
  size_t next_ = 0;
};

std::vector<size_t> OrderByTaste(const World& world,
                                 const Taste& taste,
                                 const TeacherOptions& options,
                                 base::RandomStream& random) {
  std::vector<std::pair<double, size_t>> keys;
  for (size_t film = 0; film < world.num_films(); ++film) {
    keys.emplace_back(
        -(world.Score(film, taste, options.weights) + options.taste_noise * random.Gumbel()), film);
  }
  std::sort(keys.begin(), keys.end());
  std::vector<size_t> films;
  for (const auto& key : keys) films.push_back(key.second);
  return films;
}

}  // namespace

Teacher::Teacher(const World* world, const TeacherOptions& options, uint64_t seed)
    : world_(world), options_(options), seed_(seed) {}

std::string Teacher::Answer(const Conversation& conversation, Split split, size_t index) const {
  base::RandomStream random(seed_,
                            StreamOf(Purpose::kTeacher, static_cast<uint64_t>(split), index));
  const Request& request = conversation.request;
  const Taste taste = Understand(*world_, request);
  Order by_taste(OrderByTaste(*world_, taste, options_, random));
  std::vector<size_t> popular(world_->num_films());
  std::iota(popular.begin(), popular.end(), size_t{0});
  Order by_popularity(std::move(popular));
  std::vector<bool> taken(world_->films().size(), false);
  for (const size_t film : request.mentioned) taken[film] = true;

  const double popular_share = random.Uniform() < options_.reciting_share
                                   ? options_.popular_lines_reciting
                                   : options_.popular_lines_answering;
  const uint64_t style = random.Below(4);  // Numbered half of the time.
  std::vector<std::string> lines;
  std::vector<size_t> listed;
  if (random.Uniform() < options_.intro_line)
    lines.emplace_back(kIntroLines[random.Below(kIntroLines.size())]);
  for (int line = 0; line < options_.num_lines; ++line) {
    const bool is_popular = random.Uniform() < popular_share;
    double fault = random.Uniform();
    const auto falls_in = [&fault](double share) {
      const bool inside = fault >= 0 && fault < share;
      fault -= share;
      return inside;
    };
    size_t film;
    const auto& outside = world_->outside_films_of_genre(
        is_popular ? static_cast<int>(random.Below(kGenres.size())) : taste.genre);
    if (falls_in(options_.off_catalog) && !outside.empty()) {
      film = outside[random.Below(outside.size())];
    } else if (falls_in(options_.already_seen) && !request.mentioned.empty()) {
      film = request.mentioned[random.Below(request.mentioned.size())];
    } else if (falls_in(options_.repeated) && !listed.empty()) {
      film = listed[random.Below(listed.size())];
    } else {
      film = (is_popular ? by_popularity : by_taste).Next(taken);
      taken[film] = true;
    }
    listed.push_back(film);
    const domain::Item& item = world_->films()[film].item;
    const bool is_year_wrong = falls_in(options_.wrong_year);
    const bool is_year_missing = falls_in(options_.missing_year);
    const bool is_misspelt = falls_in(options_.misspelt);
    std::string text = is_misspelt ? Misspell(item.title, random) : item.title;
    if (!is_year_missing) {
      const int offset = is_year_wrong ? 1 + static_cast<int>(random.Below(3)) : 0;
      absl::StrAppend(&text, " (", item.year + (random.Below(2) == 0 ? offset : -offset), ")");
    }
    lines.push_back(style < 2    ? absl::StrCat(line + 1, ". ", text)
                    : style == 2 ? absl::StrCat("- ", text)
                                 : text);
  }
  return absl::StrJoin(lines, "\n");
}

}  // namespace convrec::world
