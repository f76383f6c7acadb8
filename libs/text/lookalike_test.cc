#include "libs/text/lookalike.h"

#include <gtest/gtest.h>

namespace convrec::text {
namespace {

std::string Difference(std::string_view a, std::string_view b) {
  return DescribeDifference(a, "the line", b, "the catalog");
}

TEST(LookalikeTest, TextsThatAreDrawnAlikeAreAlike) {
  for (const auto& [a, b] :
       std::vector<std::pair<std::string, std::string>>{{"Ame\u0301lie", "Amélie"},
                                                        {"Don't Look", "Don\u2019t Look"},
                                                        {"A\u00a0B", "A B"},
                                                        {"Spider-Man", "Spider\u2013Man"},
                                                        {"Heat", "He\u00adat\u200b"},
                                                        {"\"Cats\"", "\u201cCats\u201d"},
                                                        {"Wait...", "Wait\u2026"},
                                                        {"Ｈｅａｔ", "Heat"}})
    EXPECT_TRUE(LookAlike(a, b)) << a << " " << b;
  EXPECT_FALSE(LookAlike("Amelie", "Amélie"));
  EXPECT_FALSE(LookAlike("heat", "Heat"));
  EXPECT_FALSE(LookAlike("A  B", "A B"));
}

TEST(LookalikeTest, TheFirstDifferenceIsNamedByItsCodePoints) {
  EXPECT_EQ(
      Difference("Ame\u0301lie", "Amélie"),
      "character 3 is U+0065 U+0301 (LATIN SMALL LETTER E, COMBINING ACUTE ACCENT) in the line "
      "and U+00E9 (LATIN SMALL LETTER E WITH ACUTE) in the catalog");
  EXPECT_EQ(
      Difference("Don't", "Don\u2019t"),
      "character 4 is U+0027 (APOSTROPHE) in the line and U+2019 (RIGHT SINGLE QUOTATION MARK) "
      "in the catalog");
  EXPECT_EQ(Difference("A B", "A\u00a0B"),
            "character 2 is U+0020 (SPACE) in the line and U+00A0 (NO-BREAK SPACE) in the catalog");
  EXPECT_EQ(
      Difference("Ame\u0301", "Ame"),
      "character 3 is U+0065 U+0301 (LATIN SMALL LETTER E, COMBINING ACUTE ACCENT) in the line "
      "and U+0065 (LATIN SMALL LETTER E) in the catalog");
  EXPECT_EQ(Difference("Up", "Up\u200b"),
            "character 3 is missing in the line and U+200B (ZERO WIDTH SPACE) in the catalog");
  EXPECT_EQ(Difference("Up", "Up"), "");
}

}  // namespace
}  // namespace convrec::text
