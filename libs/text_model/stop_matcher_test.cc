#include "libs/text_model/stop_matcher.h"

#include <gtest/gtest.h>

#include "libs/base/random.h"

namespace convrec::text_model {
namespace {

TEST(StopMatcherTest, WithoutStopStringsEverythingPassesAtOnce) {
  StopMatcher matcher({});
  EXPECT_EQ(matcher.Push("abc"), "abc");
  EXPECT_EQ(matcher.Finish(), "");
  EXPECT_FALSE(matcher.found());
}

TEST(StopMatcherTest, AStopStringAcrossPiecesEndsTheText) {
  StopMatcher matcher({"END"});
  EXPECT_EQ(matcher.Push("one E"), "one ");
  EXPECT_EQ(matcher.Push("N"), "");
  EXPECT_EQ(matcher.Push("D two"), "");
  EXPECT_TRUE(matcher.found());
  EXPECT_EQ(matcher.Push("three"), "");
  EXPECT_EQ(matcher.Finish(), "");
}

TEST(StopMatcherTest, WhatDoesNotBecomeAStopStringIsGivenOut) {
  StopMatcher matcher({"END"});
  EXPECT_EQ(matcher.Push("EN"), "");
  EXPECT_EQ(matcher.Push("EN"), "EN");  // The second "EN" may still become "END".
  EXPECT_EQ(matcher.Finish(), "EN");
  EXPECT_FALSE(matcher.found());
}

TEST(StopMatcherTest, TheStopStringThatIsCompleteFirstWins) {
  StopMatcher matcher({"abcd", "bc"});
  EXPECT_EQ(matcher.Push("xabcd"), "xa");
  EXPECT_TRUE(matcher.found());
}

TEST(StopMatcherTest, OfSeveralCompleteAtOnceTheLongestWins) {
  StopMatcher matcher({"c", "abc"});
  EXPECT_EQ(matcher.Push("xabc"), "x");
}

TEST(StopMatcherTest, TextOverlappingItselfIsMatched) {
  StopMatcher matcher({"aab"});
  EXPECT_EQ(matcher.Push("aaab"), "a");
  EXPECT_TRUE(matcher.found());
}

// The whole text in one piece is the reference.
TEST(StopMatcherTest, TheCutIntoPiecesDoesNotMatter) {
  base::RandomStream random(/*seed=*/3, /*stream=*/0);
  for (int round = 0; round < 2000; ++round) {
    const auto word = [&](uint64_t size) {
      std::string text;
      for (uint64_t i = 0; i < size; ++i) text.push_back(random.Below(2) == 0 ? 'a' : 'b');
      return text;
    };
    const std::vector<std::string> stops = {word(1 + random.Below(5)), word(2 + random.Below(5))};
    const std::string text = word(random.Below(24));
    StopMatcher whole(stops), pieces(stops);
    std::string expected = whole.Push(text);
    expected += whole.Finish();
    std::string actual;
    for (size_t begin = 0; begin < text.size();) {
      const size_t size = 1 + random.Below(4);
      actual += pieces.Push(std::string_view(text).substr(begin, size));
      begin += size;
    }
    actual += pieces.Finish();
    EXPECT_EQ(actual, expected) << stops[0] << " " << stops[1] << " in " << text;
    EXPECT_EQ(pieces.found(), whole.found());
    for (const std::string& stop : stops) EXPECT_EQ(actual.find(stop), std::string::npos);
  }
}

}  // namespace
}  // namespace convrec::text_model
