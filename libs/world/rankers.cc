#include "libs/world/rankers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace convrec::world {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

std::vector<domain::Item> BestItems(const World& world,
                                    const std::vector<double>& scores,
                                    const Conversation& conversation,
                                    size_t num_items) {
  std::vector<std::pair<double, size_t>> keys;
  for (size_t film = 0; film < scores.size(); ++film) {
    const std::string& title = world.films()[film].item.title;
    const auto& seen = conversation.seen_titles;
    if (std::find(seen.begin(), seen.end(), title) == seen.end())
      keys.emplace_back(-scores[film], film);
  }
  const size_t size = std::min(num_items, keys.size());
  std::partial_sort(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(size), keys.end());
  std::vector<domain::Item> items;
  for (size_t k = 0; k < size; ++k) items.push_back(world.films()[keys[k].second].item);
  return items;
}

// log P(what is named about one property | the user has it or not).
double LogNaming(bool is_named, bool agrees, bool has_it, double name_share) {
  if (is_named) return agrees ? std::log(name_share) : kNever;
  return has_it ? std::log1p(-name_share) : 0;
}

}  // namespace

std::vector<domain::Item> PopularityList(const World& world,
                                         const Conversation& conversation,
                                         size_t num_items) {
  std::vector<double> scores;
  for (size_t film = 0; film < world.num_films(); ++film) scores.push_back(world.popularity(film));
  return BestItems(world, scores, conversation, num_items);
}

std::vector<domain::Item> TasteList(const World& world,
                                    const TasteWeights& weights,
                                    const Conversation& conversation,
                                    size_t num_items) {
  return BestItems(world, world.Scores(conversation.taste, weights), conversation, num_items);
}

BayesRanker::BayesRanker(const World* world, const Generator* generator)
    : world_(world), generator_(generator) {
  const UserOptions& options = generator->options();
  for (int genre = 0; genre < kNumGenres; ++genre) {
    const double genre_share = generator->GenreProbability(genre);
    if (genre_share <= 0) continue;
    for (int second = -1; second < kNumGenres; ++second) {
      if (second == genre) continue;
      for (int era = -1; era < kNumEras; ++era) {
        Hypothesis hypothesis;
        hypothesis.taste.genre = genre;
        if (second >= 0) hypothesis.taste.second_genre = second;
        if (era >= 0) hypothesis.taste.era = era;
        hypothesis.log_prior =
            std::log(genre_share) +
            std::log(second < 0 ? 1 - options.second_genre_share
                                : options.second_genre_share / (kNumGenres - 1)) +
            std::log(era < 0 ? 1 - options.era_share : options.era_share / kNumEras);
        hypothesis.probability = world->Scores(hypothesis.taste, options.weights);
        double sum = 0;
        for (double& p : hypothesis.probability) sum += (p = std::exp(p));
        for (double& p : hypothesis.probability) p /= sum;
        hypotheses_.push_back(std::move(hypothesis));
      }
    }
  }
}

double BayesRanker::LogLikelihood(const Hypothesis& hypothesis, const Request& request) const {
  const UserOptions& options = generator_->options();
  const Taste& taste = hypothesis.taste;
  double log_likelihood =
      LogNaming(request.genre.has_value(), request.genre == taste.genre, true, options.name_genre) +
      LogNaming(request.second_genre.has_value(),
                request.second_genre == taste.second_genre,
                taste.second_genre.has_value(),
                options.name_second_genre) +
      LogNaming(request.era.has_value(),
                request.era == taste.era,
                taste.era.has_value(),
                options.name_era);
  if (log_likelihood == kNever) return kNever;
  for (const size_t film : request.mentioned)
    log_likelihood += std::log(hypothesis.probability[film]);
  return log_likelihood;
}

std::vector<domain::Item> BayesRanker::List(const Conversation& conversation,
                                            size_t num_items) const {
  std::vector<double> log_posterior;
  double largest = kNever;
  for (const Hypothesis& hypothesis : hypotheses_) {
    log_posterior.push_back(hypothesis.log_prior + LogLikelihood(hypothesis, conversation.request));
    largest = std::max(largest, log_posterior.back());
  }
  std::vector<double> scores(world_->num_films(), 0);
  for (size_t h = 0; h < hypotheses_.size(); ++h) {
    const double weight = std::exp(log_posterior[h] - largest);
    if (weight < 1e-6) continue;
    for (size_t film = 0; film < scores.size(); ++film)
      scores[film] += weight * hypotheses_[h].probability[film];
  }
  return BestItems(*world_, scores, conversation, num_items);
}

}  // namespace convrec::world
