#include "libs/base/monotonic.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace convrec::base {
namespace {

TEST(MonotonicTest, AWaitEndsWhenItsTimeIsOver) {
  absl::Mutex mu;
  const bool never = false;
  absl::MutexLock lock(&mu);
  const absl::Time start = MonotonicNow();
  EXPECT_FALSE(AwaitFor(&mu, absl::Condition(&never), absl::Milliseconds(30)));
  EXPECT_GE(MonotonicNow() - start, absl::Milliseconds(30));
}

TEST(MonotonicTest, AWaitEndsWhenItsConditionHolds) {
  absl::Mutex mu;
  bool holds = false;
  std::thread other([&] {
    absl::MutexLock lock(&mu);
    holds = true;
  });
  {
    absl::MutexLock lock(&mu);
    EXPECT_TRUE(AwaitFor(&mu, absl::Condition(&holds), absl::Hours(1)));
  }
  other.join();
}

TEST(MonotonicTest, WhatHoldsOrIsOverAlreadyIsNotWaitedFor) {
  absl::Mutex mu;
  bool holds = false;
  absl::MutexLock lock(&mu);
  EXPECT_FALSE(AwaitFor(&mu, absl::Condition(&holds), absl::ZeroDuration()));
  EXPECT_FALSE(AwaitUntil(&mu, absl::Condition(&holds), absl::InfinitePast()));
  holds = true;
  EXPECT_TRUE(AwaitUntil(&mu, absl::Condition(&holds), absl::InfinitePast()));
  EXPECT_TRUE(AwaitUntil(&mu, absl::Condition(&holds), absl::InfiniteFuture()));
}

// A later alarm is set first, so that the clock's thread must wake for the nearer one.
TEST(MonotonicTest, ANearerDeadlineDoesNotWaitForALaterOne) {
  absl::Mutex mu;
  bool is_over = false;
  std::thread later([&] {
    absl::MutexLock lock(&mu);
    AwaitFor(&mu, absl::Condition(&is_over), absl::Hours(1));
  });
  {
    absl::MutexLock lock(&mu);
    const bool never = false;
    EXPECT_FALSE(AwaitFor(&mu, absl::Condition(&never), absl::Milliseconds(20)));
    is_over = true;
  }
  later.join();
}

// Deadlines and conditions that coincide; the lock of a finished wait is destroyed at once.
TEST(MonotonicTest, ManyWaitsOfManyThreadsEndAsTheyShould) {
  std::atomic<int> num_over{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&num_over] {
      for (int i = 0; i < 200; ++i) {
        absl::Mutex mu;
        bool holds = false;
        std::thread setter([&mu, &holds] {
          absl::MutexLock lock(&mu);
          holds = true;
        });
        {
          absl::MutexLock lock(&mu);
          if (!AwaitFor(&mu, absl::Condition(&holds), absl::Microseconds(i))) ++num_over;
        }
        setter.join();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(num_over, 800);
}

}  // namespace
}  // namespace convrec::base
