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
#include "libs/lists/list_format.h"
#include "libs/world/streams.h"

namespace convrec::world {
namespace {

constexpr std::array<const char*, 3> kIntroLines = {"Here are some films you might enjoy:",
                                                    "Sure! Based on your taste, I recommend:",
                                                    "Recommendations:"};

// What the words of the request reveal about the taste. A genre that is not named is guessed from
// the mentioned films.
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

// Hands out films in one order, skipping those already taken.
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

std::vector<size_t> OrderByPopularity(const World& world) {
  std::vector<size_t> films(world.num_films());
  std::iota(films.begin(), films.end(), size_t{0});
  return films;
}

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

enum class Fault { kNone, kOffCatalog, kSeen, kRepeated, kWrongYear, kMissingYear, kMisspelt };

// The fault of a line: each fault has an interval of [0, 1) as long as its rate.
Fault FaultAt(double u, const TeacherOptions& options) {
  const std::pair<Fault, double> rates[] = {{Fault::kOffCatalog, options.off_catalog},
                                            {Fault::kSeen, options.already_seen},
                                            {Fault::kRepeated, options.repeated},
                                            {Fault::kWrongYear, options.wrong_year},
                                            {Fault::kMissingYear, options.missing_year},
                                            {Fault::kMisspelt, options.misspelt}};
  for (const auto& [fault, rate] : rates) {
    if (u < rate) return fault;
    u -= rate;
  }
  return Fault::kNone;
}

std::string NameOf(const domain::Item& item, Fault fault, base::RandomStream& random) {
  if (fault == Fault::kMissingYear) return item.title;
  if (fault == Fault::kMisspelt) {
    return lists::FormatItem({Misspell(item.title, random), item.year});
  }
  if (fault != Fault::kWrongYear) return lists::FormatItem(item);
  const int offset = 1 + static_cast<int>(random.Below(3));
  return lists::FormatItem({item.title, item.year + (random.Below(2) == 0 ? offset : -offset)});
}

// The films of one answer, line by line.
class Choice final {
 public:
  Choice(const World& world,
         const TeacherOptions& options,
         const Request& request,
         base::RandomStream& random)
      : world_(world),
        request_(request),
        taste_(Understand(world, request)),
        by_taste_(OrderByTaste(world, taste_, options, random)),
        by_popularity_(OrderByPopularity(world)),
        taken_(world.films().size(), false) {
    for (const size_t film : request.mentioned) taken_[film] = true;
  }

  size_t Next(bool is_popular, Fault fault, base::RandomStream& random) {
    listed_.push_back(Choose(is_popular, fault, random));
    return listed_.back();
  }

 private:
  static size_t AnyOf(const std::vector<size_t>& films, base::RandomStream& random) {
    return films[random.Below(films.size())];
  }

  // A fault that has nothing to choose from does not happen.
  size_t Choose(bool is_popular, Fault fault, base::RandomStream& random) {
    if (fault == Fault::kOffCatalog) {
      const int genre = is_popular ? static_cast<int>(random.Below(kGenres.size())) : taste_.genre;
      const std::vector<size_t>& outside = world_.outside_films_of_genre(genre);
      if (!outside.empty()) return AnyOf(outside, random);
    }
    if (fault == Fault::kSeen && !request_.mentioned.empty()) {
      return AnyOf(request_.mentioned, random);
    }
    if (fault == Fault::kRepeated && !listed_.empty()) return AnyOf(listed_, random);
    const size_t film = (is_popular ? by_popularity_ : by_taste_).Next(taken_);
    taken_[film] = true;
    return film;
  }

  const World& world_;
  const Request& request_;
  const Taste taste_;
  Order by_taste_;
  Order by_popularity_;
  std::vector<bool> taken_;  // Mentioned, or listed by one of the orders.
  std::vector<size_t> listed_;
};

}  // namespace

Teacher::Teacher(const World* world, const TeacherOptions& options, uint64_t seed)
    : world_(world), options_(options), seed_(seed) {}

std::string Teacher::Answer(const Conversation& conversation, Split split, size_t index) const {
  base::RandomStream random(seed_,
                            StreamOf(Purpose::kTeacher, static_cast<uint64_t>(split), index));
  Choice choice(*world_, options_, conversation.request, random);
  const double popular_share = random.Uniform() < options_.reciting_share
                                   ? options_.popular_lines_reciting
                                   : options_.popular_lines_answering;
  const uint64_t style = random.Below(4);  // Numbered half of the time, otherwise bulleted or
                                           // plain.
  std::vector<std::string> lines;
  if (random.Uniform() < options_.intro_line) {
    lines.emplace_back(kIntroLines[random.Below(kIntroLines.size())]);
  }
  for (int line = 1; line <= options_.num_lines; ++line) {
    const bool is_popular = random.Uniform() < popular_share;
    const Fault fault = FaultAt(random.Uniform(), options_);
    const size_t film = choice.Next(is_popular, fault, random);
    const std::string prefix = style < 2 ? absl::StrCat(line, ". ") : style == 2 ? "- " : "";
    lines.push_back(absl::StrCat(prefix, NameOf(world_->films()[film].item, fault, random)));
  }
  return absl::StrJoin(lines, "\n");
}

}  // namespace convrec::world
