#include "libs/report/line_follower.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/base/files.h"

namespace convrec::report {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LineFollowerTest : public ::testing::Test {
 protected:
  void Append(const std::string& text) { ASSERT_TRUE(base::AppendToFile(path_, text).ok()); }

  const base::TemporaryDirectory folder_;
  const std::string path_ = base::JoinPath(folder_.path(), "log");
};

TEST_F(LineFollowerTest, GivesWholeLinesOnceAndWaitsForTheRestOfALine) {
  LineFollower follower(path_, LineFollower::Start::kBeginning);
  EXPECT_THAT(follower.Poll(), IsEmpty());  // No file yet.
  Append("a\nb\nhalf");
  EXPECT_THAT(follower.Poll(), ElementsAre("a", "b"));
  EXPECT_THAT(follower.Poll(), IsEmpty());
  Append(" done\n\n");
  EXPECT_THAT(follower.Poll(), ElementsAre("half done", ""));
}

TEST_F(LineFollowerTest, StartsAtTheEndWhenAskedTo) {
  Append("old\n");
  LineFollower follower(path_, LineFollower::Start::kEnd);
  Append("new\n");
  EXPECT_THAT(follower.Poll(), ElementsAre("new"));
}

TEST_F(LineFollowerTest, ReplacedFileIsFollowedFromItsEnd) {
  Append("1\n2\n3\n");
  LineFollower follower(path_, LineFollower::Start::kBeginning);
  EXPECT_THAT(follower.Poll(), ElementsAre("1", "2", "3"));
  ASSERT_TRUE(base::WriteFileAtomically(path_, "1\n").ok());
  EXPECT_THAT(follower.Poll(), IsEmpty());
  Append("2 again\n");
  EXPECT_THAT(follower.Poll(), ElementsAre("2 again"));
}

}  // namespace
}  // namespace convrec::report
