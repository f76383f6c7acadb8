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

}  // namespace
}  // namespace convrec::text
