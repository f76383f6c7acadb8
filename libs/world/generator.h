// Generates users with latent tastes, what they say, and what they would like.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libs/base/random.h"
#include "libs/domain/item.h"
#include "libs/world/world.h"

namespace convrec::world {

enum class Split : uint64_t { kSft = 0, kTrain = 1, kValidation = 2, kTest = 3 };
constexpr std::array<const char*, 4> NamesOf(Split) {
  return {"sft", "train", "validation", "test"};
}

struct UserOptions {
  TasteWeights weights;
  int min_core_films = 8;  // A genre can be a user's first only if the core has at least this many
                           // films of it.
  double second_genre_share = 0.5;           // Share of users with a second genre.
  double era_share = 0.4;                    // Share of users with an era.
  int min_mentioned = 1, max_mentioned = 3;  // Liked films named in the conversation.
  int min_truths = 8, max_truths = 13;       // Liked films held out.
  double name_genre = 0.95;  // Share of users with a genre that name it; the same for the next two.
  double name_second_genre = 0.5;
  double name_era = 0.8;
  double two_turns = 0.2;  // Share of conversations in which the assistant asks back.
};

struct Turn {
  std::string role;  // "user" or "assistant".
  std::string text;
};

// What a reader of the conversation can learn from it.
struct Request {
  std::vector<size_t> mentioned{};
  std::optional<int> genre{};
  std::optional<int> second_genre{};
  std::optional<int> era{};
};

struct Conversation {
  std::string id{};  // "test-17".
  std::vector<Turn> context{};
  std::vector<std::string> seen_titles{};    // Titles of the mentioned films.
  std::vector<domain::Item> ground_truth{};  // Disjoint from the mentioned films.
  Request request{};
  Taste taste{};  // Latent: for oracles only.
};

// The conversation of user `index` of a split: a pure function of its arguments and the world.
class Generator final {
 public:
  // `world` must outlive the generator.
  Generator(const World* world, const UserOptions& options, uint64_t seed);
  Conversation Make(Split split, size_t index) const;
  const UserOptions& options() const { return options_; }
  // The probability that a user's first genre is `genre`.
  double GenreProbability(int genre) const { return genre_share_[static_cast<size_t>(genre)]; }

 private:
  Taste DrawTaste(base::RandomStream& random) const;

  const World* world_;
  UserOptions options_;
  uint64_t seed_;
  std::vector<double> genre_share_;
};

// The user's words (one turn, or three with the assistant's question in the middle).
std::vector<Turn> Phrase(const World& world,
                         const Request& request,
                         bool asks_back,
                         base::RandomStream& random);

}  // namespace convrec::world
