// Reference rankings of the sample world: how good a list can be when its author knows nothing, the
// words of the conversation, or the latent taste.
#pragma once

#include <cstddef>
#include <vector>

#include "libs/domain/item.h"
#include "libs/world/generator.h"
#include "libs/world/world.h"

namespace convrec::world {

// The `num_items` most popular films, leaving out those the conversation mentions.
std::vector<domain::Item> PopularityList(const World& world,
                                         const Conversation& conversation,
                                         size_t num_items);
// Ranks exactly by the latent taste: an upper bound for anyone who reads only the conversation.
std::vector<domain::Item> TasteList(const World& world,
                                    const TasteWeights& weights,
                                    const Conversation& conversation,
                                    size_t num_items);

// Ranks by the posterior probability, given the request, that a film is the user's next liked one.
// Computes the score tables of all tastes once; after that a call is cheap.
class BayesRanker final {
 public:
  // Both must outlive the ranker.
  BayesRanker(const World* world, const Generator* generator);
  std::vector<domain::Item> List(const Conversation& conversation, size_t num_items) const;

 private:
  struct Hypothesis {
    Taste taste;
    double log_prior = 0;
    std::vector<double> probability;  // Probability of each film in the catalog, given the taste.
  };
  double LogLikelihood(const Hypothesis& hypothesis, const Request& request) const;

  const World* world_;
  const Generator* generator_;
  std::vector<Hypothesis> hypotheses_;
};

}  // namespace convrec::world
