#include "libs/tokenizer/split_regex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace convrec::tokenizer {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Matches(const std::string& pattern, const std::string& text) {
  const auto regex = SplitRegex::Create(pattern);
  EXPECT_TRUE(regex.ok()) << regex.status();
  std::vector<std::string> matches;
  for (const auto& match : regex->FindAll(text)) {
    matches.push_back(text.substr(match.begin, match.end - match.begin));
  }
  return matches;
}

TEST(SplitRegexTest, SpacesAreThoseOfUnicode) {
  EXPECT_THAT(Matches(R"(\s)", "a\u00a0b\u3000c\u180ed\u200be\x1c"),
              ElementsAre("\u00a0", "\u3000"));
  EXPECT_THAT(Matches(R"([^\s]+)", "ab c\u180e"), ElementsAre("ab", "c\u180e"));
}

TEST(SplitRegexTest, WordsHoldMarksAndConnectors) {
  EXPECT_THAT(Matches(R"(\w+)", "e\u0301\u203fx y"), ElementsAre("e\u0301\u203fx", "y"));
  EXPECT_THAT(Matches(R"([\w-]+)", "a-\u0301 b"), ElementsAre("a-\u0301", "b"));
  EXPECT_THAT(Matches(R"(\w+)", "x\u00bd\u2460y\u24b6"), ElementsAre("x\u00bd", "y\u24b6"));
  EXPECT_THAT(Matches(R"([\w]+)", "x\u00bdy"), ElementsAre("x", "y"));
}

TEST(SplitRegexTest, LetterHIsAHexadecimalDigit) {
  EXPECT_THAT(Matches(R"(\h+)", "xyz 0aF g"), ElementsAre("0aF"));
  EXPECT_THAT(Matches(R"([^\H]+)", "xyz 0aF g"), ElementsAre("0aF"));
}

TEST(SplitRegexTest, OnlyNewlinesEndLines) {
  EXPECT_THAT(Matches("^b", "a\nb\rb"), ElementsAre("b"));
  EXPECT_THAT(Matches(".+", "a\rb\nc"), ElementsAre("a\rb", "c"));
}

TEST(SplitRegexTest, EmptyMatchesAdvanceByCharacters) {
  EXPECT_THAT(Matches("x*", "\u00e9xé"), ElementsAre("", "x", ""));
}

TEST(SplitRegexTest, BracketsInClassesKeepTheirMeaning) {
  EXPECT_THAT(Matches(R"([]a]+)", "b]a"), ElementsAre("]a"));
  EXPECT_THAT(Matches(R"([\[\]]+)", "[x]"), ElementsAre("[", "]"));
  EXPECT_THAT(Matches(R"([[:digit:]]+)", "a12"), ElementsAre("12"));
}

TEST(SplitRegexTest, WhatIsNotTranslatedIsRefused) {
  for (const char* pattern : {"[a&&b]", "[a[b]]", "(?m)a", "(?i-m:a)", R"([\W])", "(", "[[:x"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(SplitRegex::Create(pattern).status())) << pattern;
  }
}

TEST(SplitRegexTest, EndlessBacktrackingStopsTheSearch) {
  EXPECT_THAT(Matches("(a+)+b", std::string(5000, 'a')), IsEmpty());
}

TEST(SplitRegexTest, EscapedTextMatchesItself) {
  const std::string text = "a.b*[c](d)\\ \u00e9-#~";
  EXPECT_THAT(Matches(EscapeRegex(text), "x" + text + "y"), ElementsAre(text));
}

}  // namespace
}  // namespace convrec::tokenizer
