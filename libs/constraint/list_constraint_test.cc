#include "libs/constraint/list_constraint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "libs/base/random.h"
#include "libs/constraint/testing/lines.h"
#include "libs/lists/list_parser.h"
#include "libs/lists/odd_titles.h"
#include "libs/lists/testing/judge_ranks.h"
#include "tests/support/paths.h"

namespace convrec::constraint {
namespace {

using domain::LineOutcome;

std::shared_ptr<const TitleTrie> BuildOrDie(const std::vector<domain::Item>& items,
                                            lists::ListStyle style,
                                            int num_ranks,
                                            const PieceTokenizer& tokenizer) {
  auto titles = TitleTrie::Build(MakeCatalog(items), style, num_ranks, tokenizer.line_tokenizer());
  CR_CHECK(titles.ok(), titles.status().ToString());
  return *std::move(titles);
}

struct WalkCase {
  lists::ListStyle style;
  int num_ranks;
  size_t num_items;
  size_t num_seen;
};

class ListConstraintTest : public testing::TestWithParam<WalkCase> {};

TEST_P(ListConstraintTest, AnyWalkIsAListOfFreshUnseenCatalogTitlesInItsOwnTokens) {
  const auto [style, num_ranks, num_items, num_seen] = GetParam();
  const PieceTokenizer tokenizer = WordTokenizer();
  for (uint64_t seed = 0; seed < 30; ++seed) {
    const std::vector<domain::Item> items = RandomItems(num_items, seed);
    const auto titles = BuildOrDie(items, style, num_ranks, tokenizer);
    std::vector<std::string> seen = {"Not in the Catalog"};
    for (size_t i = 0; i < num_seen; ++i) seen.push_back(items[i].title);
    const auto make = MakeListConstraints(titles, seen);
    ASSERT_TRUE(make.ok()) << make.status();
    base::RandomStream random(seed, 7);
    for (int sibling = 0; sibling < 5; ++sibling) {
      std::vector<int32_t> ids = RandomWalk((*make)().get(), tokenizer.end_token_id(), &random);
      ids.pop_back();
      const std::string text = tokenizer.Decode(ids);
      EXPECT_EQ(ids, tokenizer.Encode(text));
      const lists::RankedList list = lists::ParseList(text, lists::RankCounting::kByLine);
      EXPECT_EQ(list.entries.size(), static_cast<size_t>(num_ranks));
      for (const LineOutcome outcome :
           lists::JudgeRanks(list, {}, seen, titles->catalog(), {.num_ranks = num_ranks})) {
        EXPECT_EQ(outcome, LineOutcome::kMiss) << text;
      }
      EXPECT_EQ(text, lists::FormatList(list.Items(), style));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Lists,
                         ListConstraintTest,
                         testing::Values(WalkCase{lists::ListStyle::kPlain, 1, 40, 3},
                                         WalkCase{lists::ListStyle::kPlain, 2, 40, 0},
                                         WalkCase{lists::ListStyle::kPlain, 20, 60, 5},
                                         WalkCase{lists::ListStyle::kNumbered, 1, 40, 3},
                                         WalkCase{lists::ListStyle::kNumbered, 12, 60, 5},
                                         // Every title is used up.
                                         WalkCase{lists::ListStyle::kPlain, 40, 40, 0},
                                         WalkCase{lists::ListStyle::kNumbered, 40, 40, 0}));

TEST(ListConstraintTest, EveryTitleCanBeListedAtEveryRank) {
  const PieceTokenizer tokenizer = WordTokenizer();
  const std::vector<domain::Item> items = RandomItems(30, 2);
  const auto titles = BuildOrDie(items, lists::ListStyle::kNumbered, 3, tokenizer);
  const auto make = *MakeListConstraints(titles, {});
  for (size_t i = 0; i < items.size(); ++i) {
    const size_t n = items.size();
    const std::string text = lists::FormatList({items[i], items[(i + 1) % n], items[(i + 2) % n]},
                                               lists::ListStyle::kNumbered);
    const auto constraint = make();
    for (const int32_t id : tokenizer.Encode(text)) {
      const std::vector<int32_t>& legal = constraint->Legal();
      ASSERT_TRUE(std::binary_search(legal.begin(), legal.end(), id)) << text;
      constraint->Advance(id);
    }
    EXPECT_EQ(constraint->Legal(), std::vector<int32_t>{tokenizer.end_token_id()});
  }
}

TEST(ListConstraintTest, SeenTitlesAreOutAsWrittenAndInEveryYearByTheReference) {
  const PieceTokenizer tokenizer({});
  const auto catalog = MakeCatalog({{"Heat", 1986}, {"Heat", 1995}, {"heat", 1999}, {"Up", 2009}});
  const auto start = [&](lists::RankCounting counting, const std::vector<std::string>& seen) {
    const auto titles = TitleTrie::Build(
        catalog, lists::ListStyle::kPlain, 2, tokenizer.line_tokenizer(), counting);
    CR_CHECK(titles.ok(), titles.status().ToString());
    return MakeListConstraints(*titles, seen);
  };
  using enum lists::RankCounting;
  using Ids = std::vector<int32_t>;
  EXPECT_EQ((*start(kByLine, {"heat"}))()->Legal(), (Ids{'H', 'U'}));
  // Nobody can tell which of the two was meant.
  EXPECT_EQ((*start(kByLine, {"Heat"}))()->Legal(), (Ids{'H', 'U', 'h'}));
  EXPECT_EQ((*start(kReference, {"Heat", "Heat"}))()->Legal(), (Ids{'U', 'h'}));
  const auto none = start(kReference, {"Heat", "Up"});
  EXPECT_EQ(none.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(none.status().message().find("of 4 titles 3 were named"), std::string::npos)
      << none.status();
}

TEST(ListConstraintTest, ASeenTitleWithItsYearTakesOneItemOut) {
  const PieceTokenizer tokenizer({});
  const auto titles =
      BuildOrDie({{"Heat", 1986}, {"Heat", 1995}}, lists::ListStyle::kPlain, 1, tokenizer);
  const auto make = MakeListConstraints(titles, {"Heat (1995)"});
  ASSERT_TRUE(make.ok()) << make.status();
  base::RandomStream random(1, 1);
  std::vector<int32_t> ids = RandomWalk((*make)().get(), tokenizer.end_token_id(), &random);
  ids.pop_back();
  EXPECT_EQ(tokenizer.Decode(ids), "Heat (1986)");
}

TEST(ListConstraintTest, ASeenAliasTakesItsItemOut) {
  const PieceTokenizer tokenizer({});
  std::vector<catalog::CatalogItem> items(2);
  items[0].item = {"Spirited Away", 2001};
  items[0].aliases = {"Sen to Chihiro no Kamikakushi"};
  items[1].item = {"Up", 2009};
  auto catalog = catalog::Catalog::FromItems(items, "test");
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  const auto titles =
      TitleTrie::Build(std::make_shared<const catalog::Catalog>(*std::move(catalog)),
                       lists::ListStyle::kPlain,
                       1,
                       tokenizer.line_tokenizer());
  ASSERT_TRUE(titles.ok()) << titles.status();
  const auto make = MakeListConstraints(*titles, {"Sen to Chihiro no Kamikakushi"});
  ASSERT_TRUE(make.ok()) << make.status();
  EXPECT_EQ((*make)()->Legal(), std::vector<int32_t>{'U'});
}

TEST(ListConstraintTest, TheRootIsNotGatheredAnew) {
  const PieceTokenizer tokenizer({});
  const auto titles =
      BuildOrDie({{"Ab", 1986}, {"Ac", 1995}, {"B", 1999}}, lists::ListStyle::kPlain, 2, tokenizer);
  const auto make = *MakeListConstraints(titles, {});
  EXPECT_EQ(&make()->Legal(), &titles->inner().root_tokens());
}

TEST(ListConstraintDeathTest, ATokenThatIsNotLegalIsRefused) {
  const PieceTokenizer tokenizer({});
  ListConstraint constraint(BuildOrDie({{"Up", 2009}}, lists::ListStyle::kPlain, 1, tokenizer));
  EXPECT_DEATH(constraint.Advance('u'), "not legal");
}

TEST(TitleTrieTest, TitlesThatAreNotReadBackAreLeftOut) {
  const PieceTokenizer tokenizer({});
  const std::vector<domain::Item> items = {{"The Wall", 201}, {"Up", 2009}, {"12 - Twelve", 1995}};
  const auto titles = BuildOrDie(items, lists::ListStyle::kPlain, 1, tokenizer);
  EXPECT_EQ(titles->num_titles(), 2u);
  EXPECT_EQ(titles->num_left_out(), 1u);
  // The grammar alone, without the catalog, takes "12 - " for a number.
  const auto by_grammar = TitleTrie::Build(MakeCatalog(items),
                                           lists::ListStyle::kPlain,
                                           1,
                                           tokenizer.line_tokenizer(),
                                           lists::RankCounting::kReference);
  ASSERT_TRUE(by_grammar.ok()) << by_grammar.status();
  EXPECT_EQ((*by_grammar)->num_titles(), 1u);
}

TEST(TitleTrieTest, TitlesThatCleaningChangesAreWrittenAndReadBack) {
  const auto loaded = catalog::Catalog::Load(SourcePath("tests/field/catalogs/odd.jsonl"));
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const auto catalog = std::make_shared<const catalog::Catalog>(*loaded);
  const lists::OddTitles odd_titles(*catalog);
  const PieceTokenizer tokenizer({" (", ")\n", "1."});
  base::RandomStream random(4, 2);
  for (const lists::ListStyle style : {lists::ListStyle::kPlain, lists::ListStyle::kNumbered}) {
    const auto titles = TitleTrie::Build(catalog, style, 16, tokenizer.line_tokenizer());
    ASSERT_TRUE(titles.ok()) << titles.status();
    EXPECT_EQ((*titles)->num_titles(), 16u);
    const auto make = *MakeListConstraints(*titles, {});
    std::vector<int32_t> ids = RandomWalk(make().get(), tokenizer.end_token_id(), &random);
    ids.pop_back();
    const std::string text = tokenizer.Decode(ids);
    const std::vector<domain::Item> read =
        lists::ParseList(text, lists::RankCounting::kByLine, &odd_titles).Items();
    EXPECT_EQ(read.size(), 16u);
    EXPECT_EQ(lists::FormatList(read, style), text);
    for (const domain::Item& item : read) EXPECT_TRUE(catalog->Contains(item)) << item.title;
  }
}

void ExpectRefused(const std::vector<domain::Item>& items,
                   lists::ListStyle style,
                   int num_ranks,
                   const PieceTokenizer& tokenizer,
                   const std::string& part) {
  const auto titles =
      TitleTrie::Build(MakeCatalog(items), style, num_ranks, tokenizer.line_tokenizer());
  EXPECT_EQ(titles.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(titles.status().message().find(part), std::string::npos) << titles.status();
}

TEST(TitleTrieTest, FewerTitlesThanRanksAreRefused) {
  ExpectRefused(
      {{"Up", 2009}}, lists::ListStyle::kPlain, 2, PieceTokenizer({}), "fewer than the 2 ranks");
  ExpectRefused({{"The Wall", 201}}, lists::ListStyle::kPlain, 1, PieceTokenizer({}), "read back");
}

TEST(TitleTrieTest, ALineBreakJoinedToTheNextLineIsRefused) {
  ExpectRefused({{"Up", 2009}, {"Heat", 1995}},
                lists::ListStyle::kPlain,
                2,
                PieceTokenizer({"\nU"}),
                "\"Up (2009)\" cannot be tokenised by itself");
  ExpectRefused({{"Up", 2009}, {"Heat", 1995}},
                lists::ListStyle::kNumbered,
                2,
                PieceTokenizer({". H"}),
                "\"Heat (1995)\" cannot be tokenised by itself");
}

TEST(TitleTrieTest, ATitleWhoseTokensReadOtherwiseIsRefused) {
  const PieceTokenizer pieces({});
  LineTokenizer tokenizer = pieces.line_tokenizer();
  tokenizer.encode = [&pieces](std::string_view text) {
    std::string changed(text);
    std::replace(changed.begin(), changed.end(), 'H', 'h');
    return pieces.Encode(changed);
  };
  const auto titles = TitleTrie::Build(
      MakeCatalog({{"Up", 2009}, {"Heat", 1995}}), lists::ListStyle::kPlain, 2, tokenizer);
  EXPECT_NE(titles.status().message().find(
                "\"Heat (1995)\" cannot be tokenised: as a list the tokens read \"heat (1995)\""),
            std::string::npos)
      << titles.status();
}

TEST(TitleTrieTest, ATitleThatHoldsTheEndTokenIsRefused) {
  const PieceTokenizer pieces({});
  LineTokenizer tokenizer = pieces.line_tokenizer();
  tokenizer.end_token_id = 'U';
  const auto titles =
      TitleTrie::Build(MakeCatalog({{"Up", 2009}}), lists::ListStyle::kPlain, 1, tokenizer);
  EXPECT_EQ(titles.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(TitleTrieTest, FirstLinesThatReadOtherwiseAreRefused) {
  // A token for "Up" at the start of a text only.
  const PieceTokenizer pieces({"Up"});
  LineTokenizer tokenizer = pieces.line_tokenizer();
  tokenizer.encode = [&pieces](std::string_view text) {
    std::vector<int32_t> ids = pieces.Encode(text.substr(0, 2));
    const PieceTokenizer bytes({});
    for (const int32_t id : bytes.Encode(text.substr(2))) ids.push_back(id);
    return ids;
  };
  const auto titles = TitleTrie::Build(MakeCatalog({{"Up", 2009}, {"A", 1995}, {"B", 1995}}),
                                       lists::ListStyle::kPlain,
                                       3,
                                       tokenizer);
  EXPECT_NE(titles.status().message().find("other tokens at rank 2"), std::string::npos)
      << titles.status();
}

TEST(TitleTrieTest, LongestListIsCounted) {
  const PieceTokenizer tokenizer({});
  const auto titles =
      BuildOrDie({{"Up", 2009}, {"Heat", 1995}}, lists::ListStyle::kPlain, 2, tokenizer);
  EXPECT_EQ(titles->max_list_tokens(), 2 * 12u);  // "Heat (1995)\n", "Heat (1995)" and the end.
}

}  // namespace
}  // namespace convrec::constraint
