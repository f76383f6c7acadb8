// Items in every line format: what is written is what is constrained, read, judged and found again.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "libs/base/files.h"
#include "libs/base/random.h"
#include "libs/constraint/list_constraint.h"
#include "libs/constraint/testing/lines.h"
#include "libs/lists/list_judge.h"
#include "libs/lists/list_reader.h"
#include "libs/lists/odd_titles.h"

namespace convrec::constraint {
namespace {

using Json = nlohmann::json;
using catalog::Catalog;
using domain::LineOutcome;

constexpr int kNumRanks = 5;

// What users' titles look like: brackets, numbers, marks and quotes at their ends, years in them,
// combining accents, no-break spaces, curly quotes.
const std::vector<std::string>& OddTexts() {
  static const auto* const texts = new std::vector<std::string>{"(500) Days of Summer",
                                                                "12 - Apes",
                                                                "3. Reich",
                                                                "2. 3. Reich",
                                                                "#Awake",
                                                                "-30-",
                                                                "\"Quoted\"",
                                                                "'Tis",
                                                                "*batteries not included*",
                                                                "FIFA (2020)",
                                                                "(Untitled)",
                                                                "Ame\u0301lie",
                                                                "Am\u00e9lie",
                                                                "No\u00a0Break",
                                                                "Don\u2019t \u201cLook\u201d",
                                                                "A - B",
                                                                "[REC]",
                                                                "Wall  E",
                                                                "M",
                                                                "1984",
                                                                "__init__",
                                                                "\u4e03\u4eba\u306e\u4f8d"};
  return *texts;
}

std::string RandomText(base::RandomStream* random) {
  constexpr const char* kWords[] = {"The", "Man", "Return", "of", "12", "(500)", "\u00c9l", "3."};
  if (random->Below(3) == 0) return OddTexts()[random->Below(OddTexts().size())];
  std::string text;
  for (uint64_t n = 1 + random->Below(3); n > 0; --n) {
    if (!text.empty()) text += ' ';
    text += kWords[random->Below(8)];
  }
  return text;
}

struct FormatCase {
  const char* format;
  lists::ListStyle style;
};

class LineFormatsTest : public testing::TestWithParam<FormatCase> {
 protected:
  // Rows in JSON lines, no two of which have the same line.
  Catalog RandomCatalog(uint64_t seed, size_t size) {
    base::RandomStream random(seed, 7);
    const auto format = *text::LineFormat::Parse(GetParam().format);
    std::vector<std::string> lines;
    std::string file;
    while (lines.size() < size) {
      Json row = {{"title", RandomText(&random)},
                  {"year", 2018 + static_cast<int>(random.Below(3))},
                  {"artist", RandomText(&random)},
                  {"id", static_cast<int>(lines.size())}};
      std::vector<std::string> values;
      for (const std::string& field : format.fields()) {
        const Json& value = row[field];
        values.push_back(value.is_string() ? value.get<std::string>() : value.dump());
      }
      const std::string line = format.Write(values);
      const bool holds_its_year =
          format.is_dated() && row["title"].get<std::string>().ends_with("(" + values[1] + ")");
      if (holds_its_year || std::find(lines.begin(), lines.end(), line) != lines.end()) continue;
      lines.push_back(line);
      file += row.dump() + "\n";
    }
    const std::string path = base::JoinPath(dir_.path(), "catalog.jsonl");
    EXPECT_TRUE(base::WriteFileAtomically(path, file).ok());
    absl::StatusOr<Catalog> catalog = Catalog::Load(path, {.line_format = GetParam().format});
    CR_CHECK(catalog.ok(), catalog.status().ToString());
    for (size_t i = 0; i < lines.size(); ++i)
      EXPECT_EQ(lists::FormatItem(catalog->ItemAt(i).item), lines[i]);
    return *std::move(catalog);
  }

  base::TemporaryDirectory dir_;
};

TEST_P(LineFormatsTest, EveryItemIsReadAndJudgedAsItself) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Catalog catalog = RandomCatalog(seed, 40);
    const lists::OddTitles odd_titles(catalog);
    const std::vector<size_t> lost =
        odd_titles.NotReadBack(lists::RankCounting::kByLine, GetParam().style, kNumRanks);
    lists::ListReader reader(&odd_titles);
    lists::ListJudge judge(&catalog, {.num_ranks = kNumRanks, .year_tolerance = 0});
    for (size_t i = 0; i < catalog.size(); ++i) {
      if (std::binary_search(lost.begin(), lost.end(), i)) continue;
      const domain::Item item = catalog.ItemAt(i).item;
      const lists::ListTarget target(catalog, {item}, {});
      const std::string line = lists::FormatList({item}, GetParam().style);
      for (const std::string& text : {line, line + "\r", "  " + line + " "}) {
        const auto judged = judge.JudgeAll(reader.Read(text, lists::RankCounting::kByLine), target);
        ASSERT_EQ(judged.size(), 1u);
        ASSERT_EQ(judged[0].outcome, LineOutcome::kHit) << seed << ": " << text;
        ASSERT_EQ(judged[0].item, i) << seed << ": " << text;
      }
    }
    EXPECT_LT(lost.size(), catalog.size() / 2);
  }
}

TEST_P(LineFormatsTest, AnyConstrainedListNamesFreshUnseenItems) {
  const PieceTokenizer tokenizer = WordTokenizer();
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto catalog = std::make_shared<const Catalog>(RandomCatalog(seed, 40));
    auto titles =
        TitleTrie::Build(catalog, GetParam().style, kNumRanks, tokenizer.line_tokenizer());
    ASSERT_TRUE(titles.ok()) << titles.status();
    const std::string seen = lists::FormatItem(catalog->ItemAt(0).item);
    const auto make = MakeListConstraints(*titles, {seen});
    ASSERT_TRUE(make.ok()) << make.status();
    const lists::OddTitles odd_titles(*catalog);
    lists::ListReader reader(&odd_titles);
    lists::ListJudge judge(catalog.get(), {.num_ranks = kNumRanks});
    base::RandomStream random(seed, 9);
    for (int walk = 0; walk < 10; ++walk) {
      const std::string text =
          tokenizer.Decode(RandomWalk((*make)().get(), tokenizer.end_token_id(), &random));
      const auto judged = judge.JudgeAll(reader.Read(text, lists::RankCounting::kByLine),
                                         lists::ListTarget(*catalog, {}, {seen}));
      ASSERT_EQ(judged.size(), static_cast<size_t>(kNumRanks)) << text;
      for (const lists::JudgedLine& line : judged)
        ASSERT_EQ(line.outcome, LineOutcome::kMiss) << seed << ": " << text;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats,
                         LineFormatsTest,
                         testing::Values(FormatCase{"{title} ({year})", lists::ListStyle::kPlain},
                                         FormatCase{"{title} ({year})",
                                                    lists::ListStyle::kNumbered},
                                         FormatCase{"{title}", lists::ListStyle::kPlain},
                                         FormatCase{"{title}", lists::ListStyle::kNumbered},
                                         FormatCase{"{title} - {artist}", lists::ListStyle::kPlain},
                                         FormatCase{"{title} [{id}]", lists::ListStyle::kNumbered},
                                         FormatCase{"{id}: {artist}", lists::ListStyle::kPlain},
                                         FormatCase{"{year} {title}", lists::ListStyle::kPlain}));

}  // namespace
}  // namespace convrec::constraint
