#include "services/learner/publish/policy_store.h"

#include <gtest/gtest.h>

#include <thread>

namespace convrec::learner {
namespace {

std::shared_ptr<const PolicySnapshot> Snapshot(int64_t version, const std::string& digest = "d") {
  auto snapshot = std::make_shared<PolicySnapshot>();
  snapshot->version.value = version;
  snapshot->digest = digest;
  return snapshot;
}

TEST(PolicyStoreTest, WaitNewerGivesTheNewestVersionOnly) {
  PolicyStore store;
  store.Publish(Snapshot(0));
  store.Publish(Snapshot(1));
  EXPECT_EQ(store.WaitNewer(-1, absl::InfinitePast())->version.value, 1);
  EXPECT_EQ(store.WaitNewer(1, absl::InfinitePast()), nullptr);
  EXPECT_EQ(store.Get({0}), nullptr);
}

TEST(PolicyStoreTest, PublishWakesAWaitingWorker) {
  PolicyStore store;
  std::shared_ptr<const PolicySnapshot> seen;
  std::thread worker([&] { seen = store.WaitNewer(-1, absl::InfiniteFuture()); });
  store.Publish(Snapshot(3));
  worker.join();
  EXPECT_EQ(seen->version.value, 3);
}

TEST(PolicyStoreTest, CloseWakesAWaitingWorker) {
  PolicyStore store;
  std::thread worker([&] { EXPECT_EQ(store.WaitNewer(-1, absl::InfiniteFuture()), nullptr); });
  store.Close();
  worker.join();
}

TEST(PolicyStoreTest, OtherBytesDoNotMatch) {
  PolicyStore store;
  store.Publish(Snapshot(1, "good"));
  EXPECT_TRUE(store.Matches({1}, "good"));
  EXPECT_FALSE(store.Matches({1}, "bad"));
  EXPECT_FALSE(store.Matches({2}, "good"));
}

}  // namespace
}  // namespace convrec::learner
