#include "libs/lists/list_parser.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "libs/base/random.h"
#include "libs/catalog/catalog.h"
#include "libs/lists/list_format.h"
#include "tests/support/paths.h"

namespace convrec::lists {
namespace {

using domain::Item;

struct LineCase {
  std::string line;
  std::optional<Item> item;
};

// The examples of method section 3.1.
TEST(ListParserTest, ReadsEachKindOfLine) {
  const std::vector<LineCase> cases = {
      {"1. **Alien** (1979)", Item{"Alien", 1979}},
      {"### 3) \"Heat (1995)\" -", Item{"Heat", 1995}},
      {"5、The Graduate (1967)", Item{"5、The Graduate", 1967}},
      {"1.Alien (1979)", Item{"1.Alien", 1979}},
      {"5、 The Graduate (1967)", Item{"The Graduate", 1967}},
      {"Blade Runner (Final Cut) (1982)", Item{"Blade Runner", 1982}},
      {"Movie (2010) (2012)", Item{"Movie", 2010}},
      {"Rocky(1976)", std::nullopt},
      {"Jaws (75)", std::nullopt},
      {"A (19995)", std::nullopt},
      {"(1999)", std::nullopt},
      {"Alien (1979", std::nullopt},
      {"(500) Days of Summer (2009)", Item{"Days of Summer", 2009}},
      {"12 - 12 Monkeys (1995)", Item{"12 Monkeys", 1995}},
      {"1917 - X (2000)", Item{"X", 2000}},
      {"４. Jaws (１９７５)", Item{"Jaws", 1975}},
      {"“Alien” (1979)", Item{"“Alien”", 1979}},
      {"Recommendations (2024):", Item{"Recommendations", 2024}},
      {"-30- (1959)", std::nullopt},
      {"I like Up (2009), Heat (1995)", Item{"I like Up", 2009}},
      {"* - _A_ (2000)", Item{"A", 2000}},
      {"\u3000Up\u00a0\u2003( 2009) (2009)\r", Item{"Up", 2009}},
      {"'Twas \"Heat\" (1995)", Item{"'Twas \"Heat\"", 1995}},
      {"\"\"A\" (1995)\"", Item{"A", 1995}},
      {"((a)) (2000)", Item{"", 2000}},  // An empty title still parses and takes a rank.
      {"x (٢٠٠١)", Item{"x", 2001}},
      {"", std::nullopt},
      {"\"", std::nullopt},
      {"***", std::nullopt},
  };
  for (const LineCase& c : cases) EXPECT_EQ(ParseLine(c.line), c.item) << c.line;
}

// Random lines read by a second implementation: tests/golden/line_cases.py.
TEST(ListParserTest, AgreesWithTheSecondImplementation) {
  std::ifstream file(SourcePath("tests/golden/line_cases.jsonl"));
  int num_cases = 0;
  for (std::string text; std::getline(file, text); ++num_cases) {
    const nlohmann::json golden = nlohmann::json::parse(text);
    std::optional<Item> expected;
    if (!golden["item"].is_null()) {
      expected = Item{golden["item"][0].get<std::string>(), golden["item"][1].get<int>()};
    }
    ASSERT_EQ(ParseLine(golden["line"].get<std::string>()), expected) << text;
  }
  EXPECT_EQ(num_cases, 3000);
}

TEST(ListParserTest, MalformedLineKeepsItsRankByLineAndLosesItByReference) {
  const std::string text = "Here are 2:\n1. A (1999)\n\n2. B (2000)\n";
  const RankedList by_line = ParseList(text, RankCounting::kByLine);
  ASSERT_EQ(by_line.entries.size(), 3u);
  EXPECT_EQ(by_line.entries[0].status, LineStatus::kMalformed);
  EXPECT_EQ(by_line.entries[1].item, (Item{"A", 1999}));
  EXPECT_EQ(by_line.entries[2].item, (Item{"B", 2000}));
  const RankedList reference = ParseList(text, RankCounting::kReference);
  ASSERT_EQ(reference.entries.size(), 2u);
  EXPECT_EQ(reference.entries[0].item, (Item{"A", 1999}));
  EXPECT_EQ(reference.entries[0].source_line, 1);
  EXPECT_EQ(reference.entries[1].rank, 1);
  EXPECT_EQ(reference.entries[1].source_line, 2);
  EXPECT_EQ(reference.num_lines, 3);
}

TEST(ListParserTest, ToldWhyALineIsMalformed) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"Rocky(1976)", "no space stands before the year"},
      {"(1999)", "no title stands before the year"},
      {"1. (1999)", "no title stands before the year"},
      {"Jaws (75)", "the year has not four digits"},
      {"A (19995)", "the year has not four digits"},
      {"Alien (1979", "the parenthesis behind the year does not close at once"},
      {"Alien (1979, USA)", "the parenthesis behind the year does not close at once"},
      {"Alien, 1979", "the year does not stand in parentheses"},
      {"Alien (director's cut)", "there is no year"},
      {"Here are 20 films:", "there is no year"},
      {" ** ", "nothing is left once numbering, marks and quotes are taken off"},
      {"Alien (1979)", ""},
  };
  for (const auto& [line, why] : cases) EXPECT_EQ(WhyMalformed(line), why) << line;
}

TEST(ListParserTest, OnlyLineFeedsSplitLines) {
  const RankedList list = ParseList("A\u2028B (1999)\rC (2000)\x0b", RankCounting::kByLine);
  ASSERT_EQ(list.entries.size(), 1u);
  EXPECT_EQ(list.entries[0].item, (Item{"A B", 1999}));
}

TEST(ListParserTest, BlankTextHasNoRanks) {
  for (const std::string text : {"", "\n", " \n\t\r\n\u2003"}) {
    EXPECT_TRUE(ParseList(text, RankCounting::kByLine).entries.empty());
    EXPECT_EQ(ParseList(text, RankCounting::kReference).num_lines, 0);
  }
}

TEST(ListParserTest, InvalidUtf8IsReadAsReplacementCharacters) {
  // A truncated sequence is one replacement character; a stray continuation byte is another.
  EXPECT_EQ(ParseLine("A\xE2\x82 (1999)"), (Item{"A\uFFFD", 1999}));
  EXPECT_EQ(ParseLine("A\x80\x80 (1999)"), (Item{"A\uFFFD\uFFFD", 1999}));
  EXPECT_EQ(ParseLine("A\xED\xA0\x80 (1999)"), (Item{"A\uFFFD\uFFFD\uFFFD", 1999}));
}

TEST(ListParserTest, AnyBytesAreReadWithoutHarm) {
  // Drawn from bytes that matter to the grammar and from all others.
  const std::string alphabet =
      "()()0123456789 \n\n\"'*#-_.\xE2\x80\x94\xEF\xBC\x91\xC2\xA0\xFF\x00";
  base::RandomStream random(7, 0);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    const uint64_t length = random.Below(60);
    for (uint64_t i = 0; i < length; ++i) {
      text += random.Below(8) == 0 ? static_cast<char>(random.Below(256))
                                   : alphabet[random.Below(alphabet.size())];
    }
    const RankedList by_line = ParseList(text, RankCounting::kByLine);
    const RankedList reference = ParseList(text, RankCounting::kReference);
    ASSERT_EQ(by_line.Items(), reference.Items());
    ASSERT_EQ(static_cast<int>(by_line.entries.size()), by_line.num_lines);
    for (const RankedEntry& entry : reference.entries) {
      ASSERT_EQ(by_line.entries[static_cast<size_t>(entry.source_line)].item, entry.item);
    }
  }
}

TEST(ListParserTest, DeeplyNestedParenthesesAreRemoved) {
  EXPECT_EQ(ParseLine(absl::StrCat("A ", std::string(500, '('), std::string(500, ')'), " (1999)")),
            (Item{"A", 1999}));
}

TEST(ListParserTest, ListsAreReadBackAsWritten) {
  const std::vector<Item> items = {{"Alien", 1979}, {"Léon: The Professional", 1994}};
  for (const ListStyle style : {ListStyle::kPlain, ListStyle::kNumbered}) {
    EXPECT_EQ(ParseList(FormatList(items, style), RankCounting::kByLine).Items(), items);
  }
  EXPECT_EQ(FormatList(items, ListStyle::kNumbered),
            "1. Alien (1979)\n2. Léon: The Professional (1994)");
}

TEST(ListParserTest, RealCatalogSurvivesTheRoundTrip) {
  const auto catalog = catalog::Catalog::Load(SourcePath("../shared/data/reddit_v2_catalog.jsonl"));
  if (absl::IsNotFound(catalog.status())) GTEST_SKIP() << "The Reddit-v2 catalog is not here.";
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  EXPECT_EQ(catalog->size(), 7404u);
  for (const ListStyle style : {ListStyle::kPlain, ListStyle::kNumbered}) {
    std::vector<Item> lost;
    for (const catalog::CatalogItem& entry : catalog->items()) {
      if (!SurvivesRoundTrip(entry.item, style)) lost.push_back(entry.item);
    }
    EXPECT_EQ(lost, (std::vector<Item>{{"The Wall", 201}}));  // A typo in the source.
  }
}

}  // namespace
}  // namespace convrec::lists
