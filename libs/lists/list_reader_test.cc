#include "libs/lists/list_reader.h"

#include <gtest/gtest.h>
#include <unicode/unistr.h>

#include "libs/base/random.h"
#include "libs/catalog/catalog.h"
#include "libs/lists/list_format.h"
#include "libs/text/unicode_text.h"

namespace convrec::lists {
namespace {

using domain::Item;

// A second implementation: the grammar of README.md, literally, on code points.
namespace plain {

using Text = std::u32string;

bool IsOneOf(char32_t c, const std::u32string& set) { return set.find(c) != Text::npos; }
bool IsMark(char32_t c) { return IsOneOf(c, U"*_-#"); }
Text TrimText(const Text& text) { return Text(text::Trim(text)); }

Text Unformat(Text text) {
  text = TrimText(text);
  while (true) {
    const Text before = text;
    while (!text.empty() && IsMark(text.front())) text.erase(0, 1);
    text = TrimText(text);
    while (!text.empty() && IsMark(text.back())) text.pop_back();
    text = TrimText(text);
    size_t end = 0;
    while (end < text.size() && IsMark(text[end])) ++end;
    bool is_prefix = end > 0;
    if (!is_prefix) {
      while (end < text.size() && text::DigitValue(text[end])) ++end;
      if (end > 0) {
        while (end < text.size() && text::IsSpace(text[end])) ++end;
        if (end < text.size() && IsOneOf(text[end], U".)、-—–")) {
          ++end;
          is_prefix = true;
        }
      }
    }
    if (is_prefix && end < text.size() && text::IsSpace(text[end])) text = text.substr(end);
    text = TrimText(text);
    if (!text.empty() && text.front() == U'#') {
      size_t hashes = 0;
      while (hashes < text.size() && text[hashes] == U'#') ++hashes;
      while (hashes < text.size() && text::IsSpace(text[hashes])) ++hashes;
      text = text.substr(hashes);
    }
    if (text == before) return text;
  }
}

Text Unquote(const Text& text) {
  for (const char32_t quote : {U'"', U'\''}) {
    if (!text.empty() && text.front() == quote && text.back() == quote)
      return text.size() == 1 ? Text() : text.substr(1, text.size() - 2);
  }
  return text;
}

Text Unparen(const Text& text) {
  Text rest = TrimText(text);
  size_t open = Text::npos;
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == U'(') open = i;
    if (rest[i] != U')' || open == Text::npos) continue;
    rest.erase(open, i + 1 - open);
    i = open - 1;  // Wraps to go on at 0.
    open = Text::npos;
  }
  return rest;
}

std::optional<Item> ReadLine(const std::string& bytes) {
  const Text line = Unquote(Unformat(text::FoldSpaces(text::DecodeUtf8(bytes))));
  for (size_t end = 1; end < line.size(); ++end) {
    size_t open = end;
    while (open < line.size() && text::IsSpace(line[open])) ++open;
    if (open == end || open + 6 > line.size() || line[open] != U'(' || line[open + 5] != U')')
      continue;
    int year = 0;
    bool is_year = true;
    for (size_t i = open + 1; i < open + 5; ++i) {
      is_year = is_year && text::DigitValue(line[i]).has_value();
      year = year * 10 + text::DigitValue(line[i]).value_or(0);
    }
    if (!is_year) continue;
    Text title = line.substr(0, end);
    while (true) {
      const Text cleaned = Unquote(Unformat(text::FoldSpaces(Unparen(title))));
      if (cleaned == title) return Item{text::EncodeUtf8(title), year};
      title = cleaned;
    }
  }
  return std::nullopt;
}

}  // namespace plain

std::optional<Item> ItemOf(const ListLine& line) {
  if (line.status == LineStatus::kMalformed) return std::nullopt;
  return Item{std::string(line.title), line.year};
}

// Draws pieces that matter to the grammar, so that most texts exercise it.
std::string RandomText(base::RandomStream* random,
                       const std::vector<std::string>& pieces,
                       uint64_t max_pieces) {
  std::string text;
  const uint64_t num_pieces = random->Below(max_pieces + 1);
  for (uint64_t i = 0; i < num_pieces; ++i) text += pieces[random->Below(pieces.size())];
  return text;
}

const std::vector<std::string>& AsciiPieces() {
  static const auto* const pieces = new std::vector<std::string>{
      " ",  "  ",     "\t", "\r",      "\x0b", "\x1c", "\x01", "a",     "B c",
      "(",  ")",      "(",  " (1999)", "(20",  "1",    "12",   "1. ",   "2)",
      "- ", "*",      "_",  "#",       "-",    "\"",   "'",    ". ",    ") ",
      ".",  " (1980", "((", "))",      "(x)",  "3 - ", "\"A",  " (75)", "\x7f"};
  return *pieces;
}

const std::vector<std::string>& UnicodePieces() {
  static const auto* const pieces = [] {
    auto* const all = new std::vector<std::string>(AsciiPieces());
    for (const char* const piece :
         {"é",       "Ü", "’",      "“",        "、",   "—",           "–",      "１",
          "（",      "٣", "\u00a0", "\u2003",   "Ж",    "映",          "\u0085", "𝟗",
          "e\u0301", "ß", "\xC3",   "\xE2\x80", "\xFF", "\xED\xA0\x80"})
      all->push_back(piece);
    return all;
  }();
  return *pieces;
}

TEST(ListReaderTest, AsciiLinesAgreeWithTheSecondImplementation) {
  base::RandomStream random(21, 0);
  ListReader reader;
  for (int round = 0; round < 200000; ++round) {
    const std::string line = RandomText(&random, AsciiPieces(), 10);
    ASSERT_EQ(ItemOf(reader.ReadLine(line)), plain::ReadLine(line)) << line;
  }
}

TEST(ListReaderTest, OtherLinesAgreeWithTheSecondImplementation) {
  base::RandomStream random(22, 0);
  ListReader reader;
  int num_by_bytes = 0;
  for (int round = 0; round < 200000; ++round) {
    const std::string line = RandomText(&random, UnicodePieces(), 10);
    num_by_bytes += !text::IsAscii(line) && IsReadByBytes(line);
    ASSERT_EQ(ItemOf(reader.ReadLine(line)), plain::ReadLine(line)) << line;
  }
  EXPECT_GT(num_by_bytes, 10000);  // Both ways are taken.
}

TEST(ListReaderTest, ATextReadsAsItsLines) {
  base::RandomStream random(23, 0);
  ListReader reader;
  ListReader line_reader;
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    const uint64_t num_lines = random.Below(6);
    for (uint64_t i = 0; i < num_lines; ++i) {
      text += RandomText(&random, round % 2 == 0 ? AsciiPieces() : UnicodePieces(), 6);
      if (random.Below(4) == 0) text += " A (1990)";
      text += random.Below(5) == 0 ? "\n\n" : "\n";
    }
    if (random.Below(2) == 0 && !text.empty()) text.pop_back();
    int source_line = 0;
    const std::span<const ListLine> lines = reader.Read(text, RankCounting::kByLine);
    for (const ListLine& line : lines) {
      EXPECT_EQ(line.source_line, source_line++);
      const std::string own = text.substr(line.begin, line.end - line.begin);
      EXPECT_EQ(own.find('\n'), std::string::npos);
      EXPECT_FALSE(text::IsBlank(own));
      ASSERT_EQ(ItemOf(line), ItemOf(line_reader.ReadLine(own))) << own;
    }
    EXPECT_EQ(reader.num_lines(), source_line);
    std::vector<Item> items;
    for (const ListLine& line : lines) {
      if (const std::optional<Item> item = ItemOf(line)) items.push_back(*item);
    }
    std::vector<Item> reference;
    for (const ListLine& line : reader.Read(text, RankCounting::kReference))
      reference.push_back(*ItemOf(line));
    ASSERT_EQ(reference, items);
  }
}

TEST(ListReaderTest, TitlesStayUntilTheNextText) {
  ListReader reader;
  std::string text;
  for (int i = 0; i < 100; ++i) text += "A  (x)  B" + std::to_string(i) + " (1999)\n";
  const std::span<const ListLine> lines = reader.Read(text, RankCounting::kByLine);
  ASSERT_EQ(lines.size(), 100u);
  for (size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(lines[i].title, "A B" + std::to_string(i));
}

TEST(ListReaderTest, LineBreaksWithinALineAreWhitespace) {
  ListReader reader;
  EXPECT_EQ(ItemOf(reader.ReadLine("A\n\nB\n(1999)")), (Item{"A B", 1999}));
}

// The key by ICU alone.
std::string KeyByIcu(const std::string& title) {
  std::string key;
  icu::UnicodeString::fromUTF8(text::EncodeUtf8(text::FoldSpaces(text::DecodeUtf8(title))))
      .foldCase()
      .toUTF8String(key);
  return key;
}

TEST(TitleKeyTest, BothPathsAgree) {
  base::RandomStream random(24, 0);
  for (int round = 0; round < 50000; ++round) {
    std::string title;
    const uint64_t length = random.Below(12);
    const uint64_t limit = round % 2 == 0 ? 128 : 256;
    for (uint64_t i = 0; i < length; ++i)
      title += random.Below(4) == 0 ? ' ' : static_cast<char>(random.Below(limit));
    const std::string key = text::TitleKey(title);
    ASSERT_EQ(key, KeyByIcu(title));
    ASSERT_TRUE(text::HasTitleKey(title, key));
    ASSERT_FALSE(text::HasTitleKey(title, key + "x"));
    ASSERT_FALSE(text::HasTitleKey(title + "x", key));
    ASSERT_EQ(text::IsBlank(title), text::Trim(text::DecodeUtf8(title)).empty());
    ASSERT_EQ(text::IsValidUtf8(title),
              text::EncodeUtf8(text::DecodeUtf8(title)) == title ||
                  title.find("\xEF\xBF\xBD") != std::string::npos);
  }
}

TEST(TitleKeyTest, CaseIsFoldedFully) {
  EXPECT_EQ(text::TitleKey("  Die STRASSE "), text::TitleKey("die\u00a0straße"));
  EXPECT_EQ(text::TitleKey("ΌΣΟΣ"), text::TitleKey("όσος"));
  EXPECT_NE(text::TitleKey("İ"), text::TitleKey("i"));  // No language's own rules.
}

TEST(ListReaderTest, ThoughtsBeforeTheListHaveNoLines) {
  const std::string text =
      "<think>\nGrim Harbor (2001) and Cold Sea (1999).\n\nToy Box (1995) too.\n</think>\n\n"
      "1. Toy Box (1995)\n2. Grim Harbor (2001)";
  ListReader reader;
  const auto lines = reader.Read(text, RankCounting::kByLine);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].title, "Toy Box");
  EXPECT_EQ(lines[1].title, "Grim Harbor");
  EXPECT_EQ(reader.num_lines(), 2);
  EXPECT_EQ(text.substr(lines[0].begin, lines[0].end - lines[0].begin), "1. Toy Box (1995)");
  // Thoughts that the prompt has opened end here too; without an end all of it is thoughts.
  EXPECT_EQ(reader.Read("A (1999)\n</think>B (2000)", RankCounting::kByLine).size(), 1U);
  EXPECT_TRUE(reader.Read(" \n <think>\nA (1999)", RankCounting::kByLine).empty());
  // The published scripts do not recognise thoughts.
  EXPECT_EQ(reader.Read("<think>\nA (1999)\n</think>\nB (2000)", RankCounting::kReference).size(),
            2U);
}

}  // namespace
}  // namespace convrec::lists
