#include "libs/constraint/list_titles.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "libs/base/files.h"
#include "libs/base/random.h"
#include "libs/constraint/list_constraint.h"
#include "libs/lists/list_parser.h"
#include "libs/lists/odd_titles.h"
#include "tests/support/paths.h"

namespace convrec::constraint {
namespace {

using lists::ListStyle;

// Titles with all kinds of beginnings and endings.
std::shared_ptr<const catalog::Catalog> SmallCatalog() {
  std::vector<catalog::CatalogItem> items;
  for (const domain::Item& item : std::vector<domain::Item>{{"The Matrix", 1999},
                                                            {"The Thing", 1982},
                                                            {"'71", 2014},
                                                            {"10 Things I Hate About You", 1999},
                                                            {"(500) Days of Summer", 2009},
                                                            {"Amélie", 2001},
                                                            {"Airplane!", 1980},
                                                            {"...And Justice for All", 1979},
                                                            {"Se7en", 1995},
                                                            {"WALL·E", 2008},
                                                            {"千と千尋の神隠し", 2001},
                                                            {"$9.99", 2008},
                                                            {"iBoy", 2017},
                                                            {"2001: A Space Odyssey", 1968},
                                                            {"M*A*S*H", 1970},
                                                            {"Heat", 1986},
                                                            {"Heat", 1995}}) {
    items.push_back({.item = item, .genres = {}});
  }
  auto catalog = catalog::Catalog::FromItems(std::move(items), "test");
  EXPECT_TRUE(catalog.ok()) << catalog.status();
  return std::make_shared<const catalog::Catalog>(*std::move(catalog));
}

std::string FixtureDirectory(const std::string& family) {
  return SourcePath("tests/golden/tokenizer/") + family;
}

// Walks at random and checks that the tokens are those of the whole list's text.
void ExpectCanonicalWalks(const std::shared_ptr<const constraint::TitleTrie>& titles,
                          ListStyle style,
                          const tokenizer::Tokenizer& tokenizer,
                          int count) {
  const auto make = constraint::MakeListConstraints(titles, {});
  ASSERT_TRUE(make.ok()) << make.status();
  const lists::OddTitles odd_titles(titles->catalog());
  base::RandomStream random(3, 3);
  for (int i = 0; i < count; ++i) {
    const auto constraint = (*make)();
    std::vector<int32_t> ids;
    while (true) {
      const std::vector<int32_t>& legal = constraint->Legal();
      const int32_t id = legal[random.Below(legal.size())];
      if (id == *tokenizer.eos_id()) break;
      ids.push_back(id);
      constraint->Advance(id);
    }
    const std::string text = tokenizer.Decode(ids);
    ASSERT_EQ(ids, tokenizer.Encode(text)) << text;
    const std::vector<domain::Item> items =
        lists::ParseList(text, lists::RankCounting::kByLine, &odd_titles).Items();
    ASSERT_EQ(items.size(), static_cast<size_t>(titles->num_ranks())) << text;
    ASSERT_EQ(text, lists::FormatList(items, style));
    for (const domain::Item& item : items) ASSERT_TRUE(titles->catalog().Contains(item)) << text;
  }
}

class ListTitlesTest : public testing::TestWithParam<std::tuple<std::string, ListStyle>> {};

TEST_P(ListTitlesTest, WalksHaveTheTokensOfTheWholeListsText) {
  const auto& [family, style] = GetParam();
  const auto tokenizer = tokenizer::LoadTokenizer(FixtureDirectory(family));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const auto titles = MakeListTitles(SmallCatalog(), style, 12, **tokenizer);
  ASSERT_TRUE(titles.ok()) << titles.status();
  ExpectCanonicalWalks(*titles, style, **tokenizer, 200);
}

INSTANTIATE_TEST_SUITE_P(Families,
                         ListTitlesTest,
                         testing::Combine(testing::Values("llama3", "qwen2", "smollm2"),
                                          testing::Values(ListStyle::kPlain,
                                                          ListStyle::kNumbered)));

// The real catalog in a real vocabulary.
TEST(ListTitlesSmolLm2Test, RedditCatalogIsTokenisedWhole) {
  const std::string catalog_path = SourcePath("../shared/data/reddit_v2_catalog.jsonl");
  const char* model = std::getenv("CONVREC_SMOLLM2");
  if (model == nullptr || !base::FileExists(catalog_path)) {
    GTEST_SKIP() << "needs CONVREC_SMOLLM2 and " << catalog_path;
  }
  const auto tokenizer = tokenizer::LoadTokenizer(model);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  auto loaded = catalog::Catalog::Load(catalog_path);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const auto catalog = std::make_shared<const catalog::Catalog>(*std::move(loaded));
  for (const ListStyle style : {ListStyle::kPlain, ListStyle::kNumbered}) {
    const auto titles = MakeListTitles(catalog, style, 20, **tokenizer);
    ASSERT_TRUE(titles.ok()) << titles.status();
    EXPECT_LT((*titles)->num_left_out(), 10u);
    ExpectCanonicalWalks(*titles, style, **tokenizer, 300);
  }
}

}  // namespace
}  // namespace convrec::constraint
