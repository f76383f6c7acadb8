#include "libs/base/backoff.h"

#include <gtest/gtest.h>

namespace convrec::base {
namespace {

TEST(BackoffTest, WaitsDoubleUpToTheLongestWithinHalfOfThemselves) {
  Backoff backoff(absl::Milliseconds(100), absl::Milliseconds(500));
  for (const int64_t most : {100, 200, 400, 500, 500}) {
    const absl::Duration wait = backoff.Next();
    EXPECT_LE(wait, absl::Milliseconds(most));
    EXPECT_GE(wait, absl::Milliseconds(most) / 2);
  }
  backoff.Reset();
  EXPECT_LE(backoff.Next(), absl::Milliseconds(100));
}

TEST(BackoffTest, CallersThatFailTogetherDoNotComeBackTogether) {
  Backoff one(absl::Seconds(1), absl::Seconds(1)), other(absl::Seconds(1), absl::Seconds(1));
  EXPECT_NE(one.Next(), other.Next());
}

}  // namespace
}  // namespace convrec::base
