#include "services/learner/publish/policy_store.h"

#include <gtest/gtest.h>

namespace convrec::learner {
namespace {

std::shared_ptr<const weights::Snapshot> Snapshot(int64_t version,
                                                  const std::string& digest = "d") {
  auto snapshot = std::make_shared<weights::Snapshot>();
  snapshot->manifest.version.value = version;
  snapshot->manifest.digest = digest;
  return snapshot;
}

TEST(PolicyStoreTest, OnlyTheNewestVersionIsGiven) {
  PolicyStore store(0);
  EXPECT_EQ(store.GetNewer(-1), nullptr);
  store.Publish(Snapshot(0));
  store.Publish(Snapshot(1));
  EXPECT_EQ(store.GetNewer(-1)->manifest.version.value, 1);
  EXPECT_EQ(store.GetNewer(1), nullptr);
  EXPECT_EQ(store.Get({0}), nullptr);
}

TEST(PolicyStoreTest, ItsListenerIsToldOfEachVersion) {
  PolicyStore store(0);
  int num_told = 0;
  store.SetListener([&] { ++num_told; });
  store.Publish(Snapshot(3));
  EXPECT_EQ(num_told, 1);
  store.SetListener({});
  store.Publish(Snapshot(4));
  EXPECT_EQ(num_told, 1);
}

TEST(PolicyStoreTest, OtherBytesDoNotMatch) {
  PolicyStore store(0);
  store.Publish(Snapshot(1, "good"));
  EXPECT_TRUE(store.Matches({1}, "good"));
  EXPECT_FALSE(store.Matches({1}, "bad"));
  EXPECT_FALSE(store.Matches({2}, "good"));
}

TEST(PolicyStoreTest, KeepsAsManyBasesAsItIsToldAndOnlyWithTheirDigest) {
  PolicyStore store(2);
  for (int64_t version = 1; version <= 4; ++version)
    store.Publish(Snapshot(version, "d" + std::to_string(version)));
  EXPECT_EQ(store.GetBase({.version = 1, .digest = "d1"}), nullptr);
  EXPECT_EQ(store.GetBase({.version = 2, .digest = "d2"})->manifest.version.value, 2);
  EXPECT_EQ(store.GetBase({.version = 3, .digest = "d3"})->manifest.version.value, 3);
  EXPECT_EQ(store.GetBase({.version = 3, .digest = "other"}), nullptr);
  EXPECT_EQ(store.GetBase({.version = 4, .digest = "d4"}), nullptr);
  PolicyStore none(0);
  none.Publish(Snapshot(1, "d1"));
  none.Publish(Snapshot(2, "d2"));
  EXPECT_EQ(none.GetBase({.version = 1, .digest = "d1"}), nullptr);
}

}  // namespace
}  // namespace convrec::learner
