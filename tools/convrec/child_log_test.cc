#include "tools/convrec/child_log.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/base/files.h"

namespace convrec::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kStamp[] = "2026-11-24T05:36:35.123Z ";

class ChildLogTest : public ::testing::Test {
 protected:
  void Write(const std::string& severity, const std::string& text) {
    ASSERT_TRUE(base::AppendToFile(path_, kStamp + severity + " rollout-1] " + text + "\n").ok());
  }

  const base::TemporaryDirectory folder_;
  const std::string path_ = base::JoinPath(folder_.path(), "rollout-1.log");
  const absl::Time now_ = absl::UnixEpoch();
};

TEST_F(ChildLogTest, OnlyWarningsAndErrorsAreShown) {
  ChildLog log("rollout-1", path_);
  Write("INFO", "joined");
  Write("WARNING", "the reward service does not answer");
  EXPECT_THAT(log.NewWarnings(now_),
              ElementsAre("[rollout-1] WARNING the reward service does not answer"));
  EXPECT_THAT(log.NewWarnings(now_), IsEmpty());
}

TEST_F(ChildLogTest, LinesOfAnEarlierStartAreLeftOut) {
  Write("ERROR", "old");
  ChildLog log("rollout-1", path_);
  EXPECT_THAT(log.NewWarnings(now_), IsEmpty());
  EXPECT_EQ(log.Reason(), "");
}

TEST_F(ChildLogTest, FloodIsCutShortAndStartsAnewAfterAMinute) {
  ChildLog log("rollout-1", path_);
  for (int i = 0; i < 50; ++i) Write("WARNING", "again");
  const auto lines = log.NewWarnings(now_);
  ASSERT_EQ(lines.size(), 21u);  // 20 and the hint.
  EXPECT_THAT(lines.back(), HasSubstr("more warnings are in " + path_));
  Write("WARNING", "still");
  EXPECT_THAT(log.NewWarnings(now_ + absl::Seconds(30)), IsEmpty());
  Write("WARNING", "later");
  EXPECT_THAT(log.NewWarnings(now_ + absl::Seconds(61)), ElementsAre("[rollout-1] WARNING later"));
}

TEST_F(ChildLogTest, ReasonIsTheLastErrorOrElseTheLastLine) {
  ChildLog log("rollout-1", path_);
  ASSERT_TRUE(base::AppendToFile(path_, "terminate called\n").ok());
  EXPECT_EQ(log.Reason(), "terminate called");
  Write("ERROR", "disk full");
  Write("INFO", "bye");
  EXPECT_EQ(log.Reason(), "disk full");
  EXPECT_THAT(log.LastLines(1), ElementsAre(std::string(kStamp) + "INFO rollout-1] bye"));
}

}  // namespace
}  // namespace convrec::cli
