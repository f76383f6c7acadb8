#include "tools/convrec/signal_source.h"

#include <sys/wait.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace convrec::cli {
namespace {

TEST(ProcessSignalsTest, EachRequestIsGivenOnce) {
  ProcessSignals signals;
  ASSERT_EQ(::kill(::getpid(), SIGTERM), 0);
  EXPECT_EQ(signals.Wait(absl::Seconds(30)), SIGTERM);
  EXPECT_EQ(signals.Wait(absl::ZeroDuration()), std::nullopt);
}

TEST(ProcessSignalsTest, EndOfAChildWakesWithoutARequest) {
  ProcessSignals signals;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  EXPECT_EQ(signals.Wait(absl::Seconds(30)), std::nullopt);  // Long before the time is over.
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

TEST(ProcessSignalsTest, RequestThatNobodyReadDoesNotKillTheProcessAfterwards) {
  {
    const ProcessSignals signals;
    ASSERT_EQ(::kill(::getpid(), SIGTERM), 0);
  }
  SUCCEED();
}

}  // namespace
}  // namespace convrec::cli
