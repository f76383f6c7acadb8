#include "libs/world/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "libs/lists/list_format.h"

namespace convrec::world {
namespace {

using ::testing::HasSubstr;

const World& SampleWorld() {
  static const World* const world = new World(EmbeddedFilms(), {});
  return *world;
}

std::string WordsOf(const Conversation& conversation) {
  std::string words;
  for (const Turn& turn : conversation.context) words += turn.role + ": " + turn.text + "\n";
  return words;
}

TEST(WorldTest, PopularityFallsAndTheCoreCarriesTheTaste) {
  const World& world = SampleWorld();
  double core = 0, all = 0;
  for (size_t film = 0; film < world.num_films(); ++film) {
    EXPECT_GT(world.popularity(film), world.popularity(film + 1));
    const double mass = std::pow(world.popularity(film), TasteWeights().popularity);
    all += mass;
    if (film < world.num_core()) core += mass;
  }
  EXPECT_GT(core / all, 0.95);
}

TEST(WorldTest, EveryGenreHasFilmsInTheCore) {
  for (int genre = 0; genre < kNumGenres; ++genre) {
    EXPECT_GE(SampleWorld().core_films_of_genre(genre).size(), 8u)
        << kGenres[static_cast<size_t>(genre)];
  }
}

TEST(WorldTest, ScoreAddsWhatATasteSharesWithAFilm) {
  Film film;
  film.item = {"A", 1995};
  film.genres = {4, 3};
  const World world({film}, {.num_films = 1, .num_core = 1});
  const TasteWeights weights{.main_genre = 4, .has_genre = 0.5, .era = 1, .popularity = 0.8};
  EXPECT_DOUBLE_EQ(world.popularity(0), 1);  // (0 + 1)^-1.2
  EXPECT_DOUBLE_EQ(world.Score(0, {.genre = 0}, weights), 0);
  EXPECT_DOUBLE_EQ(world.Score(0, {.genre = 4}, weights), 4.5);  // main + has
  EXPECT_DOUBLE_EQ(world.Score(0, {.genre = 3}, weights), 0.5);  // has
  EXPECT_DOUBLE_EQ(world.Score(0, {.genre = 4, .second_genre = 3, .era = 3}, weights),
                   6);  // + has + era
}

TEST(WorldTest, ErasAreDecadesFrom1970On) {
  EXPECT_EQ(EraOf(1922), 0);
  EXPECT_EQ(EraOf(1969), 0);
  EXPECT_EQ(EraOf(1970), 1);
  EXPECT_EQ(EraOf(1999), 3);
  EXPECT_EQ(EraOf(2010), 5);
  EXPECT_EQ(EraOf(2024), 5);
}

TEST(GeneratorTest, AConversationDependsOnSeedSplitAndIndexOnly) {
  const Generator generator(&SampleWorld(), {}, 7);
  const Generator same(&SampleWorld(), {}, 7);
  generator.Make(Split::kTrain, 3);
  EXPECT_EQ(WordsOf(generator.Make(Split::kTest, 5)), WordsOf(same.Make(Split::kTest, 5)));
  EXPECT_EQ(generator.Make(Split::kTest, 5).ground_truth, same.Make(Split::kTest, 5).ground_truth);
  const Generator other(&SampleWorld(), {}, 8);
  EXPECT_NE(generator.Make(Split::kTest, 5).ground_truth, other.Make(Split::kTest, 5).ground_truth);
}

TEST(GeneratorTest, SplitsHaveUsersOfTheirOwn) {
  const Generator generator(&SampleWorld(), {}, 1);
  std::set<std::string> ids;
  std::set<std::vector<domain::Item>> truths;
  for (const Split split : {Split::kSft, Split::kTrain, Split::kValidation, Split::kTest}) {
    for (size_t i = 0; i < 100; ++i) {
      const Conversation conversation = generator.Make(split, i);
      ids.insert(conversation.id);
      truths.insert(conversation.ground_truth);
    }
  }
  EXPECT_EQ(ids.size(), 400u);
  EXPECT_EQ(truths.size(), 400u);
}

TEST(GeneratorTest, GroundTruthIsInTheCatalogHeldOutAndOfTheAskedSize) {
  const Generator generator(&SampleWorld(), {}, 1);
  const catalog::Catalog catalog = SampleWorld().ToCatalog();
  for (size_t i = 0; i < 200; ++i) {
    const Conversation conversation = generator.Make(Split::kTrain, i);
    EXPECT_GE(conversation.ground_truth.size(),
              6u);  // 8, less a remake of a mentioned film or two.
    EXPECT_LE(conversation.ground_truth.size(), 13u);
    EXPECT_EQ(conversation.seen_titles.size(), conversation.request.mentioned.size());
    const std::string words = WordsOf(conversation);
    for (const domain::Item& item : conversation.ground_truth) {
      EXPECT_TRUE(catalog.Contains(item));
      EXPECT_EQ(words.find(lists::FormatItem(item)), std::string::npos) << words;
    }
    for (const size_t film : conversation.request.mentioned) {
      EXPECT_THAT(words, HasSubstr(lists::FormatItem(SampleWorld().films()[film].item)));
    }
  }
}

TEST(GeneratorTest, ConversationsBeginAndEndWithTheUser) {
  const Generator generator(&SampleWorld(), {}, 1);
  bool has_question = false;
  for (size_t i = 0; i < 100; ++i) {
    const std::vector<Turn> context = generator.Make(Split::kTrain, i).context;
    EXPECT_EQ(context.front().role, "user");
    EXPECT_EQ(context.back().role, "user");
    if (context.size() == 3) has_question = context[1].role == "assistant";
    for (const Turn& turn : context) EXPECT_EQ(turn.text.find('$'), std::string::npos) << turn.text;
  }
  EXPECT_TRUE(has_question);
}

TEST(GeneratorTest, WordsNameWhatTheRequestHolds) {
  base::RandomStream random(1, 1);
  const Request request{.mentioned = {0}, .genre = 4, .second_genre = 3, .era = 3};
  for (const bool asks_back : {false, true}) {
    const std::vector<Turn> turns = Phrase(SampleWorld(), request, asks_back, random);
    EXPECT_EQ(turns.size(), asks_back ? 3u : 1u);
    EXPECT_THAT(turns.back().text, HasSubstr("crime films from the nineties with some comedy"));
  }
}

TEST(GeneratorTest, SharesFollowTheOptions) {
  const UserOptions options;
  const Generator generator(&SampleWorld(), options, 1);
  int named = 0, eras = 0, in_genre = 0, truths = 0;
  const catalog::Catalog catalog = SampleWorld().ToCatalog();
  for (size_t i = 0; i < 1000; ++i) {
    const Conversation conversation = generator.Make(Split::kTrain, i);
    named += conversation.request.genre.has_value();
    eras += conversation.request.era.has_value();
    for (const domain::Item& item : conversation.ground_truth) {
      ++truths;
      in_genre +=
          SampleWorld().films()[*catalog.IndexOf(item)].genres[0] == conversation.taste.genre;
    }
  }
  // Four standard deviations of a share over 1,000 users are at most .063.
  EXPECT_NEAR(named / 1000.0, options.name_genre, 0.063);
  EXPECT_NEAR(eras / 1000.0, options.era_share * options.name_era, 0.063);
  EXPECT_GT(static_cast<double>(in_genre) / truths, 0.5);
}

}  // namespace
}  // namespace convrec::world
