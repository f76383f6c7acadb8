#include "libs/base/bounded_queue.h"

#include <gtest/gtest.h>

#include <thread>

namespace convrec::base {
namespace {

TEST(BoundedQueueTest, KeepsOrder) {
  BoundedQueue<int> queue(2);
  EXPECT_TRUE(queue.Push(1));
  EXPECT_TRUE(queue.Push(2));
  EXPECT_EQ(queue.Pop(), 1);
  EXPECT_EQ(queue.Pop(), 2);
}

TEST(BoundedQueueTest, PopGivesNothingAtItsDeadline) {
  BoundedQueue<int> queue(1);
  EXPECT_EQ(queue.Pop(absl::InfinitePast()), std::nullopt);
}

TEST(BoundedQueueTest, CloseWakesPendingPush) {
  BoundedQueue<int> queue(1);
  ASSERT_TRUE(queue.Push(1));
  bool accepted = true;
  std::thread pusher([&] { accepted = queue.Push(2); });
  queue.Close();
  pusher.join();
  EXPECT_FALSE(accepted);
}

TEST(BoundedQueueTest, CloseDrainsThenEnds) {
  BoundedQueue<int> queue(2);
  ASSERT_TRUE(queue.Push(7));
  queue.Close();
  EXPECT_EQ(queue.Pop(), 7);
  EXPECT_EQ(queue.Pop(), std::nullopt);
}

}  // namespace
}  // namespace convrec::base
