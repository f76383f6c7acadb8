#include "libs/kernels/adaptive_wait.h"

#include <gtest/gtest.h>
#include <time.h>

#include <atomic>
#include <cstdlib>
#include <optional>

#include "absl/time/clock.h"
#include "libs/kernels/parallel.h"

namespace convrec::kernels {
namespace {

constexpr absl::Duration kInterval = absl::Milliseconds(100);

TEST(BusyJudgeTest, AFewMillisecondsWithoutACoreAreNotBusy) {
  BusyJudge judge;
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(judge.Judge(absl::Milliseconds(9), kInterval));
}

TEST(BusyJudgeTest, BusyAtOnceAndIdleOnlyAfterAQuietSecond) {
  BusyJudge judge;
  EXPECT_TRUE(judge.Judge(absl::Milliseconds(10), kInterval));
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(judge.Judge(absl::Milliseconds(1), kInterval));
  EXPECT_TRUE(judge.Judge(absl::Milliseconds(3), kInterval));  // Begins the second again.
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(judge.Judge(absl::Milliseconds(1), kInterval));
  EXPECT_FALSE(judge.Judge(absl::Milliseconds(1), kInterval));
}

// A source of load whose value is set by the test.
class AdaptiveWaitTest : public ::testing::Test {
 protected:
  AdaptiveWait::Options Options() {
    return {.interval = absl::Milliseconds(1), .time_without_core = [this] {
              if (is_busy_) waited_ms_ += 100;
              return std::optional(absl::Milliseconds(waited_ms_.load()));
            }};
  }
  static void Await(const AdaptiveWait& wait, bool is_sleeping) {
    const absl::Time deadline = absl::Now() + absl::Seconds(60);
    while (wait.is_sleeping() != is_sleeping && absl::Now() < deadline) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    ASSERT_EQ(wait.is_sleeping(), is_sleeping);
  }
  // CPU time of this process after a parallel region, while nothing is left to do.
  static absl::Duration CpuAfterRegion() {
    std::atomic<int> sum = 0;
    ParallelFor(64, [&](int64_t i) { sum += static_cast<int>(i); });
    EXPECT_EQ(sum, 64 * 63 / 2);
    timespec before;
    timespec after;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    absl::SleepFor(absl::Milliseconds(40));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    return absl::DurationFromTimespec(after) - absl::DurationFromTimespec(before);
  }

  std::atomic<bool> is_busy_ = false;
  std::atomic<int64_t> waited_ms_ = 0;
};

TEST_F(AdaptiveWaitTest, ThreadsOfOtherTeamsSleepWhileTheMachineIsBusy) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) {
    GTEST_SKIP() << "OMP_WAIT_POLICY or GOMP_SPINCOUNT is set: how to wait is not ours to choose";
  }
  AdaptiveWait wait(Options());
  if (!wait.is_watching()) GTEST_SKIP() << "this build has no OpenMP";
  is_busy_ = true;
  Await(wait, true);
  is_busy_ = false;
  Await(wait, false);
  is_busy_ = true;
  Await(wait, true);
  // A spinning thread takes several milliseconds per region; the watcher's own work is far less.
  EXPECT_LT(CpuAfterRegion(), absl::Milliseconds(4));
}

TEST(TimeWithoutCoreTest, NeverFallsWhileNoThreadEnds) {
  const std::optional<absl::Duration> first = TimeWithoutCore();
  if (!first) GTEST_SKIP() << "this kernel keeps no /proc/self/task/*/schedstat";
  EXPECT_GE(*first, absl::ZeroDuration());
  EXPECT_GE(*TimeWithoutCore(), *first);
}

}  // namespace
}  // namespace convrec::kernels
