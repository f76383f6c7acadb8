#include "libs/world/generator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "libs/base/check.h"
#include "libs/base/enum_names.h"
#include "libs/lists/list_format.h"
#include "libs/world/streams.h"

namespace convrec::world {
namespace {

constexpr std::array<const char*, kGenres.size()> kGenreAdjectives = {"action",
                                                                      "adventure",
                                                                      "animated",
                                                                      "comedy",
                                                                      "crime",
                                                                      "drama",
                                                                      "family",
                                                                      "fantasy",
                                                                      "horror",
                                                                      "musical",
                                                                      "mystery",
                                                                      "romantic",
                                                                      "science fiction",
                                                                      "thriller",
                                                                      "war",
                                                                      "western"};
constexpr std::array<const char*, kNumEras> kEraPhrases = {" from before 1970",
                                                           " from the seventies",
                                                           " from the eighties",
                                                           " from the nineties",
                                                           " from the two-thousands",
                                                           " from 2010 on"};

// $F: the mentioned films; $W: what is wanted, as in "crime films from the nineties". Users write
// in lower case, so a capital letter after a space begins a title.
constexpr std::array<const char*, 6> kOneTurn = {"i loved $F. can you suggest some $W?",
                                                 "my favourites are $F. any $W i should see?",
                                                 "after $F, i want more $W.",
                                                 "looking for $W. i like $F.",
                                                 "i just watched $F. what $W would you recommend?",
                                                 "please recommend $W for a fan of $F."};
constexpr std::array<const char*, 3> kOpenings = {
    "i loved $F.", "i like $F.", "i just watched $F."};
constexpr std::array<const char*, 2> kQuestions = {"What are you in the mood for?",
                                                   "What shall it be?"};
constexpr std::array<const char*, 3> kAnswers = {"some $W, please.", "more $W.", "i want $W."};

template <size_t n>
std::string Pick(const std::array<const char*, n>& texts, base::RandomStream& random) {
  return texts[random.Below(n)];
}

bool Chance(double probability, base::RandomStream& random) {
  return random.Uniform() < probability;
}

int Between(int low, int high, base::RandomStream& random) {
  return low + static_cast<int>(random.Below(static_cast<uint64_t>(high - low) + 1));
}

// `count` films without replacement, each drawn in proportion to exp(score): the largest of
// score + Gumbel noise, in that order.
std::vector<size_t> DrawFilms(const std::vector<double>& scores,
                              size_t count,
                              base::RandomStream& random) {
  std::vector<std::pair<double, size_t>> keys;
  keys.reserve(scores.size());
  for (size_t film = 0; film < scores.size(); ++film)
    keys.emplace_back(-(scores[film] + random.Gumbel()), film);
  const auto end = keys.begin() + static_cast<std::ptrdiff_t>(std::min(count, keys.size()));
  std::partial_sort(keys.begin(), end, keys.end());
  std::vector<size_t> films;
  for (auto key = keys.begin(); key != end; ++key) films.push_back(key->second);
  return films;
}

std::string Wanted(const Request& request) {
  std::string wanted =
      request.genre.has_value()
          ? absl::StrCat(kGenreAdjectives[static_cast<size_t>(*request.genre)], " films")
          : "films";
  if (request.era.has_value())
    absl::StrAppend(&wanted, kEraPhrases[static_cast<size_t>(*request.era)]);
  if (request.second_genre.has_value()) {
    absl::StrAppend(
        &wanted, " with some ", std::string(kGenres[static_cast<size_t>(*request.second_genre)]));
  }
  return wanted;
}

}  // namespace

std::vector<Turn> Phrase(const World& world,
                         const Request& request,
                         bool asks_back,
                         base::RandomStream& random) {
  std::vector<std::string> names;
  for (const size_t film : request.mentioned)
    names.push_back(lists::FormatItem(world.films()[film].item));
  const std::string films = absl::StrJoin(names, ", ");
  const std::string wanted = Wanted(request);
  const auto fill = [&](const std::string& text) {
    return absl::StrReplaceAll(text, {{"$F", films}, {"$W", wanted}});
  };
  if (!asks_back) return {{"user", fill(Pick(kOneTurn, random))}};
  const std::string opening = fill(Pick(kOpenings, random));
  const std::string question = Pick(kQuestions, random);
  return {{"user", opening}, {"assistant", question}, {"user", fill(Pick(kAnswers, random))}};
}

Generator::Generator(const World* world, const UserOptions& options, uint64_t seed)
    : world_(world), options_(options), seed_(seed), genre_share_(kGenres.size(), 0) {
  double sum = 0;
  for (int genre = 0; genre < kNumGenres; ++genre) {
    const size_t num_films = world->core_films_of_genre(genre).size();
    if (num_films < static_cast<size_t>(options.min_core_films)) continue;
    genre_share_[static_cast<size_t>(genre)] = static_cast<double>(num_films);
    sum += static_cast<double>(num_films);
  }
  CR_CHECK(sum > 0, "no genre has min_core_films films in the core");
  for (double& share : genre_share_) share /= sum;
}

Taste Generator::DrawTaste(base::RandomStream& random) const {
  const double u = random.Uniform();
  Taste taste;
  double below = 0;
  for (int genre = 0; genre < kNumGenres; ++genre) {
    const double share = GenreProbability(genre);
    if (share > 0 && u >= below) taste.genre = genre;
    below += share;
  }
  if (Chance(options_.second_genre_share, random)) {
    const int other = static_cast<int>(random.Below(kGenres.size() - 1));
    taste.second_genre = other + (other >= taste.genre ? 1 : 0);
  }
  if (Chance(options_.era_share, random)) taste.era = static_cast<int>(random.Below(kNumEras));
  return taste;
}

Conversation Generator::Make(Split split, size_t index) const {
  base::RandomStream random(seed_,
                            StreamOf(Purpose::kConversation, static_cast<uint64_t>(split), index));
  Conversation conversation;
  conversation.id = absl::StrCat(base::NameOf(split), "-", index);
  conversation.taste = DrawTaste(random);
  const size_t num_mentioned =
      static_cast<size_t>(Between(options_.min_mentioned, options_.max_mentioned, random));
  const size_t num_truths =
      static_cast<size_t>(Between(options_.min_truths, options_.max_truths, random));
  std::vector<size_t> liked = DrawFilms(
      world_->Scores(conversation.taste, options_.weights), num_mentioned + num_truths, random);
  Request& request = conversation.request;
  while (request.mentioned.size() < num_mentioned) {
    const auto chosen = liked.begin() + static_cast<std::ptrdiff_t>(random.Below(liked.size()));
    request.mentioned.push_back(*chosen);
    liked.erase(chosen);
  }
  const Taste& taste = conversation.taste;
  if (Chance(options_.name_genre, random)) request.genre = taste.genre;
  if (Chance(options_.name_second_genre, random)) request.second_genre = taste.second_genre;
  if (Chance(options_.name_era, random)) request.era = taste.era;
  conversation.context = Phrase(*world_, request, Chance(options_.two_turns, random), random);
  for (const size_t film : request.mentioned)
    conversation.seen_titles.push_back(world_->films()[film].item.title);
  for (const size_t film : liked) {
    // A title that is mentioned with another year would count as seen.
    const domain::Item& item = world_->films()[film].item;
    if (std::find(conversation.seen_titles.begin(), conversation.seen_titles.end(), item.title) ==
        conversation.seen_titles.end()) {
      conversation.ground_truth.push_back(item);
    }
  }
  return conversation;
}

}  // namespace convrec::world
