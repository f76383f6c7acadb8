#include "libs/weights/snapshot.h"

#include <gtest/gtest.h>

#include <atomic>

#include "libs/weights/testing/made_snapshot.h"

namespace convrec::weights {
namespace {

TEST(SnapshotTest, AnyChangedByteIsFoundWithItsTensor) {
  const auto snapshot = MakeSnapshot(3, {{"BF16", {4, 8}}, {"F32", {5}}, {"BF16", {0}}}, 1);
  EXPECT_TRUE(CheckManifest(snapshot->manifest).ok());
  EXPECT_TRUE(VerifyBytes(snapshot->manifest, snapshot->bytes.data()).ok());
  for (size_t i = 0; i < snapshot->bytes.size(); ++i) {
    snapshot->bytes.data()[i] ^= 1;
    const absl::Status status = VerifyBytes(snapshot->manifest, snapshot->bytes.data());
    EXPECT_TRUE(absl::IsDataLoss(status));
    EXPECT_NE(status.message().find(i < 64 ? "tensor t0" : "tensor t1"), std::string::npos);
    snapshot->bytes.data()[i] ^= 1;
  }
}

TEST(SnapshotTest, AManifestThatContradictsItselfIsRefused) {
  const auto snapshot = MakeSnapshot(3, {{"BF16", {4, 8}}, {"F32", {5}}}, 1);
  const auto refused = [&](auto change) {
    Manifest manifest = snapshot->manifest;
    change(&manifest);
    return absl::IsInvalidArgument(CheckManifest(manifest));
  };
  EXPECT_FALSE(refused([](Manifest*) {}));
  EXPECT_TRUE(refused([](Manifest* m) { m->tensors[0].dtype = "F16"; }));
  EXPECT_TRUE(refused([](Manifest* m) { m->tensors[0].shape = {4, 9}; }));
  EXPECT_TRUE(refused([](Manifest* m) { m->tensors[0].shape = {-4, -8}; }));
  EXPECT_TRUE(refused([](Manifest* m) { m->tensors[0].shape = {int64_t{1} << 62, 8}; }));
  EXPECT_TRUE(refused([](Manifest* m) { m->tensors[1].offset = 0; }));
  EXPECT_TRUE(refused([](Manifest* m) { m->size_bytes += 1; }));
  EXPECT_TRUE(refused([](Manifest* m) { m->size_bytes = 70; }));
  EXPECT_TRUE(refused([](Manifest* m) { m->tensors.pop_back(); }));
  EXPECT_TRUE(refused([](Manifest* m) { m->tensors[0].digest[3] ^= 1; }));
  EXPECT_TRUE(refused([](Manifest* m) { m->digest = ""; }));
}

TEST(SnapshotTest, WorkIsDoneOnceForEachPiece) {
  std::vector<std::atomic<int>> done(1000);
  ForEach(done.size(), 3, [&](size_t i) { ++done[i]; });
  for (const auto& count : done) EXPECT_EQ(count, 1);
  ForEach(0, 3, [](size_t) { FAIL(); });
}

TEST(SnapshotTest, MemoryOfASnapshotThatEndsIsThatOfTheNext) {
  const auto pool = std::make_shared<BufferPool>();
  auto first = PooledSnapshot(pool);
  first->bytes = pool->Take(1000);
  const char* const memory = first->bytes.data();
  EXPECT_NE(pool->Take(1000).data(), memory) << "it is held";
  first = nullptr;
  EXPECT_NE(pool->Take(999).data(), memory) << "of another size";
  EXPECT_EQ(pool->Take(1000).data(), memory);
  PooledSnapshot(nullptr)->bytes = ByteBuffer(10);
}

}  // namespace
}  // namespace convrec::weights
