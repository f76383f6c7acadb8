#include "libs/weights/delta_codec.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "libs/weights/testing/made_snapshot.h"

namespace convrec::weights {
namespace {

// More than one block, and sizes that are not multiples of 64 bytes.
const std::vector<MadeTensor> kTensors = {
    {"BF16", {3}}, {"F32", {1, 7}}, {"BF16", {1025, 2049}}, {"BF16", {0, 4}}, {"F32", {333, 101}}};

std::string Applied(const std::string& delta, const Snapshot& base, const Snapshot& target) {
  ByteBuffer out(target.bytes.size());
  std::memset(out.data(), 0x5a, out.size());
  const absl::Status status = ApplyDelta(delta, base, target.manifest, out.data());
  EXPECT_TRUE(status.ok()) << status;
  return std::string(out.view());
}

TEST(DeltaCodecTest, EveryShareOfChangesComesBackBitForBit) {
  const auto base = MakeSnapshot(1, kTensors, 1);
  for (const double share : {0.0, 1e-5, 0.004, 0.05, 0.125, 0.5, 1.0}) {
    const auto target = Change(*base, 2, share, 2);
    for (const std::optional<BlockMethod> only : {std::optional<BlockMethod>(),
                                                  std::optional(BlockMethod::kPlanes),
                                                  std::optional(BlockMethod::kChanges)}) {
      const auto delta = EncodeDelta(*base, *target, {.only = only});
      ASSERT_TRUE(delta.ok()) << delta.status();
      EXPECT_EQ(Applied(*delta, *base, *target), target->bytes.view()) << share;
    }
  }
}

TEST(DeltaCodecTest, FewChangesAreSmallAndNoneCostAFewBytesPerTensor) {
  const auto base = MakeSnapshot(1, {{"BF16", {1000, 1000}}, {"BF16", {1000}}}, 1);
  EXPECT_LT(EncodeDelta(*base, *Change(*base, 2, 0, 2))->size(), 120u);
  EXPECT_LT(EncodeDelta(*base, *Change(*base, 2, 0.004, 2))->size(), base->bytes.size() / 150);
}

TEST(DeltaCodecTest, UnrelatedWeightsCostTheirOwnSize) {
  const auto base = MakeSnapshot(1, kTensors, 1);
  const auto target = MakeSnapshot(2, kTensors, 9);
  const auto delta = EncodeDelta(*base, *target);
  EXPECT_LT(delta->size(), target->bytes.size() + 200);
  EXPECT_EQ(Applied(*delta, *base, *target), target->bytes.view());
}

TEST(DeltaCodecTest, TheSameInputsGiveTheSameDeltaOnAnyNumberOfThreads) {
  const auto base = MakeSnapshot(1, kTensors, 1);
  const auto target = Change(*base, 2, 0.01, 2);
  EXPECT_EQ(*EncodeDelta(*base, *target, {.threads = 1}),
            *EncodeDelta(*base, *target, {.threads = 4}));
}

TEST(DeltaCodecTest, AnotherBaseTargetOrLayoutIsRefusedWithASentence) {
  const auto base = MakeSnapshot(1, kTensors, 1);
  const auto target = Change(*base, 2, 0.01, 2);
  const auto other = Change(*base, 2, 0.01, 3);
  const std::string delta = *EncodeDelta(*base, *target);
  ByteBuffer out(base->bytes.size());
  const absl::Status wrong_base = ApplyDelta(delta, *other, target->manifest, out.data());
  EXPECT_TRUE(absl::IsFailedPrecondition(wrong_base));
  EXPECT_NE(wrong_base.message().find("against other weights than version 2"), std::string::npos);
  EXPECT_TRUE(absl::IsInvalidArgument(ApplyDelta(delta, *base, other->manifest, out.data())));
  const auto small = MakeSnapshot(2, {{"BF16", {3}}}, 1);
  EXPECT_TRUE(absl::IsInvalidArgument(EncodeDelta(*base, *small).status()));
  Manifest renamed = target->manifest;
  renamed.tensors[0].name = "another";
  EXPECT_TRUE(absl::IsInvalidArgument(ApplyDelta(delta, *base, renamed, out.data())));
}

TEST(DeltaCodecTest, EveryTruncationIsRefused) {
  const auto base = MakeSnapshot(1, {{"BF16", {40, 10}}, {"F32", {50}}}, 1);
  const auto target = Change(*base, 2, 0.05, 2);
  ByteBuffer out(base->bytes.size());
  for (const auto only : {BlockMethod::kPlanes, BlockMethod::kChanges}) {
    const std::string delta = *EncodeDelta(*base, *target, {.only = only});
    for (size_t size = 0; size < delta.size(); ++size) {
      EXPECT_TRUE(
          absl::IsDataLoss(ApplyDelta(delta.substr(0, size), *base, target->manifest, out.data())))
          << size;
    }
    EXPECT_TRUE(absl::IsDataLoss(ApplyDelta(delta + "x", *base, target->manifest, out.data())));
  }
}

TEST(DeltaCodecTest, MutationsAreRefusedOrCaughtByTheDigests) {
  const auto base = MakeSnapshot(1, {{"BF16", {40, 10}}, {"F32", {50}}, {"BF16", {9}}}, 1);
  const auto target = Change(*base, 2, 0.05, 2);
  ByteBuffer out(base->bytes.size());
  std::mt19937_64 random(7);
  int caught = 0;
  for (const auto only : {BlockMethod::kPlanes, BlockMethod::kChanges}) {
    const std::string delta = *EncodeDelta(*base, *target, {.only = only});
    for (int i = 0; i < 4000; ++i) {
      std::string damaged = delta;
      const int flips = 1 + static_cast<int>(random() % 4);
      for (int k = 0; k < flips; ++k)
        damaged[random() % damaged.size()] = static_cast<char>(random());
      if (damaged == delta) continue;
      if (!ApplyDelta(damaged, *base, target->manifest, out.data(), 1).ok()) continue;
      // A change that the decoder does not notice either leads to other bytes or makes no
      // difference.
      const bool is_same = out.view() == target->bytes.view();
      EXPECT_EQ(VerifyBytes(target->manifest, out.data(), 1).ok(), is_same);
      caught += is_same ? 0 : 1;
    }
  }
  EXPECT_GT(caught, 0);
}

}  // namespace
}  // namespace convrec::weights
