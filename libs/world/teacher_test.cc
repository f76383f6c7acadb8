#include "libs/world/teacher.h"

#include <gtest/gtest.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "libs/lists/list_parser.h"
#include "libs/world/remap.h"

namespace convrec::world {
namespace {

const World& SampleWorld() {
  static const World* const world = new World(EmbeddedFilms(), {});
  return *world;
}

std::vector<std::string> Lines(const std::string& text) { return absl::StrSplit(text, '\n'); }

// A teacher without faults and without bias.
TeacherOptions Faultless() {
  return {.taste_noise = 0,
          .popular_lines_reciting = 0,
          .popular_lines_answering = 0,
          .off_catalog = 0,
          .wrong_year = 0,
          .missing_year = 0,
          .misspelt = 0,
          .already_seen = 0,
          .repeated = 0,
          .intro_line = 0};
}

TEST(TeacherTest, AnswersAreTheSameForTheSameUser) {
  const Generator generator(&SampleWorld(), {}, 1);
  const Teacher teacher(&SampleWorld(), {}, 1);
  const Conversation conversation = generator.Make(Split::kSft, 4);
  EXPECT_EQ(teacher.Answer(conversation, Split::kSft, 4),
            teacher.Answer(conversation, Split::kSft, 4));
  EXPECT_NE(teacher.Answer(conversation, Split::kSft, 4),
            teacher.Answer(conversation, Split::kSft, 5));
}

TEST(TeacherTest, AFaultlessTeacherListsDistinctUnseenFilmsOfTheAskedGenreFirst) {
  const Generator generator(&SampleWorld(), {}, 1);
  const Teacher teacher(&SampleWorld(), Faultless(), 1);
  const catalog::Catalog catalog = SampleWorld().ToCatalog();
  for (size_t i = 0; i < 50; ++i) {
    const Conversation conversation = generator.Make(Split::kSft, i);
    const std::vector<domain::Item> items =
        lists::ParseList(teacher.Answer(conversation, Split::kSft, i),
                         lists::RankCounting::kReference)
            .Items();
    EXPECT_EQ(items.size(), 20u);
    EXPECT_EQ(std::set<domain::Item>(items.begin(), items.end()).size(), 20u);
    for (const domain::Item& item : items) EXPECT_TRUE(catalog.Contains(item)) << item.title;
  }
}

TEST(TeacherTest, AnswersFollowTheRequestAndNotTheLatentTaste) {
  const Teacher teacher(&SampleWorld(), {}, 1);
  Conversation conversation{
      .request = {.mentioned = {0}, .genre = 4, .second_genre = {}, .era = {}},
      .taste = {.genre = 4}};
  const std::string answer = teacher.Answer(conversation, Split::kSft, 0);
  conversation.taste = {.genre = 9, .second_genre = 2, .era = 1};
  EXPECT_EQ(teacher.Answer(conversation, Split::kSft, 0), answer);
}

TEST(TeacherTest, FaultsComeAtTheirRates) {
  const Generator generator(&SampleWorld(), {}, 1);
  const TeacherOptions options;
  const Teacher teacher(&SampleWorld(), options, 1);
  const catalog::Catalog catalog = SampleWorld().ToCatalog();
  Remapper remapper(&catalog, {});
  RepairCounts counts{};
  double num_lists = 0, num_intros = 0;
  for (size_t i = 0; i < 500; ++i) {
    const Conversation conversation = generator.Make(Split::kSft, i);
    const std::string answer = teacher.Answer(conversation, Split::kSft, i);
    ++num_lists;
    num_intros += absl::EndsWith(Lines(answer)[0], ":");
    const RemapResult result = remapper.Remap(answer, conversation.seen_titles, {});
    for (size_t k = 0; k < kNumRepairs; ++k) counts[k] += result.counts[k];
  }
  const auto share = [&](Repair repair) {
    return static_cast<double>(counts[static_cast<size_t>(repair)]) / (20 * num_lists);
  };
  // 10,000 lines: four standard deviations of a rate of .1 are .012. Off-catalog lines include
  // those whose wrong year is beyond the tolerance, and misspelt short titles.
  EXPECT_NEAR(share(Repair::kOffCatalog), options.off_catalog + 0.02, 0.02);
  EXPECT_NEAR(share(Repair::kYearCorrected), options.wrong_year * 2 / 3, 0.012);
  EXPECT_NEAR(share(Repair::kYearSupplied), options.missing_year, 0.012);
  EXPECT_NEAR(share(Repair::kTitleCorrected), options.misspelt * 2 / 3, 0.012);
  EXPECT_NEAR(share(Repair::kSeen), options.already_seen, 0.012);
  EXPECT_NEAR(share(Repair::kRepeated), options.repeated, 0.012);
  EXPECT_GT(share(Repair::kExact), 0.65);
  EXPECT_NEAR(num_intros / num_lists, options.intro_line, 0.05);
}

TEST(TeacherTest, RecitedListsArePopularAndAnswersAreNot) {
  const Generator generator(&SampleWorld(), {}, 1);
  const catalog::Catalog catalog = SampleWorld().ToCatalog();
  // How many of the first ten lines are among the 20 most popular films.
  const auto popular_lines = [&](double popular_share) {
    TeacherOptions options = Faultless();
    options.popular_lines_reciting = options.popular_lines_answering = popular_share;
    const Teacher teacher(&SampleWorld(), options, 1);
    int count = 0;
    for (size_t i = 0; i < 50; ++i) {
      const std::string answer = teacher.Answer(generator.Make(Split::kSft, i), Split::kSft, i);
      const auto items = lists::ParseList(answer, lists::RankCounting::kReference).Items();
      for (size_t k = 0; k < 10; ++k) count += *catalog.IndexOf(items[k]) < 20;
    }
    return count / 500.0;
  };
  EXPECT_GT(popular_lines(1), 0.99);
  EXPECT_LT(popular_lines(0), 0.5);
}

}  // namespace
}  // namespace convrec::world
