#include "libs/world/rankers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/lists/ranking_metrics.h"

namespace convrec::world {
namespace {

using ::testing::ElementsAre;

TEST(RankersTest, PopularityListSkipsSeenFilms) {
  const World world(EmbeddedFilms(), {});
  Conversation conversation;
  conversation.seen_titles = {world.films()[1].item.title};
  EXPECT_THAT(PopularityList(world, conversation, 3),
              ElementsAre(world.films()[0].item, world.films()[2].item, world.films()[3].item));
}

TEST(RankersTest, KnowingMoreIsWorthMore) {
  const World world(EmbeddedFilms(), {});
  const Generator generator(&world, {}, 1);
  const BayesRanker bayes(&world, &generator);
  const catalog::Catalog catalog = world.ToCatalog();
  double popularity = 0, posterior = 0, taste = 0;
  for (size_t i = 0; i < 100; ++i) {
    const Conversation conversation = generator.Make(Split::kValidation, i);
    const auto ndcg = [&](const std::vector<domain::Item>& items) {
      return lists::EvaluateList(
                 items, conversation.ground_truth, conversation.seen_titles, catalog, {})
          .ndcg.back();
    };
    popularity += ndcg(PopularityList(world, conversation, 20));
    posterior += ndcg(bayes.List(conversation, 20));
    taste += ndcg(TasteList(world, generator.options().weights, conversation, 20));
  }
  EXPECT_GT(posterior, 1.5 * popularity);
  EXPECT_GT(taste, 0.98 * posterior);
}

TEST(RankersTest, ANamedGenreDecidesThePosterior) {
  const World world(EmbeddedFilms(), {});
  const Generator generator(&world, {}, 1);
  const BayesRanker bayes(&world, &generator);
  Conversation conversation{
      .request = {.mentioned = {}, .genre = 8, .second_genre = {}, .era = {}}};
  const auto items = bayes.List(conversation, 5);
  const catalog::Catalog catalog = world.ToCatalog();
  for (const domain::Item& item : items) {
    EXPECT_EQ(world.films()[*catalog.IndexOf(item)].genres[0], 8) << item.title;
  }
}

}  // namespace
}  // namespace convrec::world
