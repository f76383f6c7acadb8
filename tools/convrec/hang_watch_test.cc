#include "tools/convrec/hang_watch.h"

#include <gtest/gtest.h>

namespace convrec::cli {
namespace {

class HangWatchTest : public testing::Test {
 protected:
  bool IsHungAt(int second, pid_t pid = 10) {
    return watch_.IsHung("rollout-1", pid, absl::UnixEpoch() + absl::Seconds(second));
  }
  bool is_alive_ = true;
  int num_looks_ = 0;
  HangWatch watch_{{.look_every = absl::Seconds(5), .hung_after = absl::Seconds(20)},
                   [this](const std::string&, pid_t) {
                     ++num_looks_;
                     return is_alive_;
                   }};
};

TEST_F(HangWatchTest, AProcessThatAnswersIsLookedAtNowAndThen) {
  for (int second = 0; second <= 100; ++second) EXPECT_FALSE(IsHungAt(second));
  EXPECT_EQ(num_looks_, 20);
}

TEST_F(HangWatchTest, AProcessThatStopsAnsweringIsHungAfterTheBound) {
  EXPECT_FALSE(IsHungAt(0));
  EXPECT_FALSE(IsHungAt(10));
  is_alive_ = false;
  for (int second = 11; second < 30; ++second) EXPECT_FALSE(IsHungAt(second)) << second;
  EXPECT_TRUE(IsHungAt(30));
}

TEST_F(HangWatchTest, ASignOfLifeInBetweenCounts) {
  EXPECT_FALSE(IsHungAt(0));
  is_alive_ = false;
  EXPECT_FALSE(IsHungAt(15));
  is_alive_ = true;
  EXPECT_FALSE(IsHungAt(20));
  is_alive_ = false;
  EXPECT_FALSE(IsHungAt(35));
  EXPECT_TRUE(IsHungAt(40));
}

TEST_F(HangWatchTest, ARestartedProcessStartsAnew) {
  is_alive_ = false;
  EXPECT_FALSE(IsHungAt(0));
  EXPECT_TRUE(IsHungAt(25));
  EXPECT_FALSE(IsHungAt(30, 11));
  EXPECT_FALSE(IsHungAt(45, 11));
  EXPECT_TRUE(IsHungAt(50, 11));
}

TEST_F(HangWatchTest, ABoundOfZeroIsNone) {
  HangWatch never({.hung_after = absl::ZeroDuration()},
                  [](const std::string&, pid_t) { return false; });
  EXPECT_FALSE(never.IsHung("rollout-1", 1, absl::UnixEpoch()));
  EXPECT_FALSE(never.IsHung("rollout-1", 1, absl::UnixEpoch() + absl::Hours(24)));
}

}  // namespace
}  // namespace convrec::cli
