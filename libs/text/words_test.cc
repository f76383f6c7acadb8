#include "libs/text/words.h"

#include <gtest/gtest.h>

namespace convrec::text {
namespace {

TEST(TextTest, EditDistanceCountsSingleEdits) {
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(EditDistance("", "abc"), 3u);
}

TEST(TextTest, NearestWordStaysSilentWhenNothingIsNear) {
  EXPECT_EQ(NearestWord("lerner", {"rollout", "learner"}), "learner");
  EXPECT_EQ(NearestWord("zzzz", {"rollout", "learner"}), "");
}

TEST(TextTest, CompleteUtf8PrefixDropsATornSequence) {
  const std::string euro = "\xE2\x82\xAC";
  EXPECT_EQ(CompleteUtf8Prefix("a" + euro), 4u);
  EXPECT_EQ(CompleteUtf8Prefix("a" + euro.substr(0, 2)), 1u);
}

}  // namespace
}  // namespace convrec::text
