#include "libs/rpc/waiting_calls.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "absl/synchronization/notification.h"
#include "libs/base/monotonic.h"

namespace convrec::rpc {
namespace {

TEST(WaitingCallsTest, WhatCanBeAnsweredIsAnsweredByTheCallersThread) {
  WaitingCalls calls;
  const auto caller = std::this_thread::get_id();
  bool answered = false;
  calls.Answer(absl::Hours(1), [&](bool is_last) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    EXPECT_FALSE(is_last);
    return answered = true;
  });
  EXPECT_TRUE(answered);
}

TEST(WaitingCallsTest, ACallThatMayNotWaitIsAnsweredAtOnce) {
  WaitingCalls calls;
  int attempts = 0;
  calls.Answer(absl::ZeroDuration(), [&](bool is_last) {
    ++attempts;
    EXPECT_TRUE(is_last);
    return true;
  });
  EXPECT_EQ(attempts, 1);
}

TEST(WaitingCallsTest, AWakeAnswersAllThatWaitInTheirOrder) {
  WaitingCalls calls;
  std::atomic<bool> is_ready{false};
  std::vector<int> order;
  absl::Notification done;
  for (int i = 0; i < 100; ++i) {
    calls.Answer(absl::Seconds(30), [&, i](bool) {
      if (!is_ready) return false;
      order.push_back(i);  // On the one thread.
      if (i == 99) done.Notify();
      return true;
    });
  }
  is_ready = true;
  calls.Wake();
  done.WaitForNotification();
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST(WaitingCallsTest, ACallIsAnsweredWhenItsTimeIsOver) {
  WaitingCalls calls;
  absl::Notification done;
  const absl::Time start = base::MonotonicNow();
  calls.Answer(absl::Milliseconds(20), [&](bool is_last) {
    if (is_last) done.Notify();
    return is_last;
  });
  done.WaitForNotification();
  EXPECT_GE(base::MonotonicNow() - start, absl::Milliseconds(20));
}

TEST(WaitingCallsTest, ItsEndAnswersThoseThatWait) {
  int answered = 0;
  {
    WaitingCalls calls;
    for (int i = 0; i < 3; ++i) {
      calls.Answer(absl::Seconds(30), [&](bool is_last) {
        answered += is_last;
        return is_last;
      });
    }
  }
  EXPECT_EQ(answered, 3);
}

// As a service does that changes what its own calls wait for.
TEST(WaitingCallsTest, AnAttemptMayWakeOthers) {
  WaitingCalls calls;
  std::atomic<int> stage{0};
  absl::Notification done;
  calls.Answer(absl::Seconds(30), [&](bool) {
    if (stage < 1) return false;
    stage = 2;
    calls.Wake();
    return true;
  });
  calls.Answer(absl::Seconds(30), [&](bool) {
    if (stage < 2) return false;
    done.Notify();
    return true;
  });
  stage = 1;
  calls.Wake();
  done.WaitForNotification();
}

}  // namespace
}  // namespace convrec::rpc
