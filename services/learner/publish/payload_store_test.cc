#include "services/learner/publish/payload_store.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "libs/base/files.h"
#include "libs/weights/delta_codec.h"
#include "libs/weights/testing/made_snapshot.h"

namespace convrec::learner {
namespace {

using weights::Change;
using weights::Encoding;

class PayloadStoreTest : public ::testing::Test {
 protected:
  PayloadStoreTest() {
    store_.Publish(first_);
    store_.Publish(second_);
  }
  static weights::Base BaseOf(const weights::Snapshot& snapshot) {
    return {.version = snapshot.manifest.version.value, .digest = snapshot.manifest.digest};
  }

  PolicyStore store_{1};
  std::shared_ptr<weights::Snapshot> first_ = weights::MakeSnapshot(1, {{"BF16", {300, 100}}}, 1);
  std::shared_ptr<weights::Snapshot> second_ = Change(*first_, 2, 0.01, 2);
};

TEST_F(PayloadStoreTest, ADeltaIsEncodedOnceForAllWhoAskAtTheSameTime) {
  PayloadStore payloads(&store_, nullptr);
  std::vector<std::thread> readers;
  for (int i = 0; i < 8; ++i) {
    readers.emplace_back([&] {
      const weights::Payload payload = payloads.PayloadFor(second_, BaseOf(*first_));
      EXPECT_EQ(payload.header().encoding, Encoding::kDelta);
      weights::ByteBuffer out(second_->bytes.size());
      EXPECT_TRUE(
          weights::ApplyDelta(payload.bytes(), *first_, second_->manifest, out.data()).ok());
      EXPECT_EQ(out.view(), second_->bytes.view());
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(payloads.num_encoded(), 1);
}

TEST_F(PayloadStoreTest, WithoutAKnownBaseAndForUnrelatedWeightsItIsWhole) {
  PayloadStore payloads(&store_, nullptr);
  EXPECT_EQ(payloads.PayloadFor(second_, {}).bytes(), second_->bytes.view());
  EXPECT_EQ(payloads.PayloadFor(second_, {.version = 1, .digest = "other"}).header().encoding,
            Encoding::kWhole);
  EXPECT_EQ(payloads.num_encoded(), 0);
  const auto third = weights::MakeSnapshot(3, {{"BF16", {300, 100}}}, 9);
  store_.Publish(third);
  EXPECT_EQ(payloads.PayloadFor(third, BaseOf(*second_)).header().encoding, Encoding::kWhole);
  EXPECT_EQ(payloads.num_encoded(), 1);
}

TEST_F(PayloadStoreTest, SharedMemoryIsWrittenOncePerVersion) {
  const base::TemporaryDirectory run;
  const auto writer = weights::SegmentWriter::Create(run.path(), {1});
  ASSERT_TRUE(writer.ok()) << writer.status();
  PayloadStore payloads(&store_, writer->get());
  for (int i = 0; i < 3; ++i) {
    const auto ref = payloads.SegmentFor(*second_);
    ASSERT_TRUE(ref.has_value());
    std::string bytes(ref->size_bytes, '\0');
    EXPECT_TRUE(weights::ReadSegment(*ref, bytes.data()).ok());
    EXPECT_EQ(bytes, second_->bytes.view());
  }
  EXPECT_EQ(payloads.num_written(), 1);
  EXPECT_FALSE(payloads.SegmentFor(*first_).has_value()) << "it has been superseded";
  EXPECT_FALSE(PayloadStore(&store_, nullptr).SegmentFor(*second_).has_value());
}

TEST_F(PayloadStoreTest, ALateReaderOfASupersededVersionStillGetsIt) {
  PayloadStore payloads(&store_, nullptr);
  const auto third = Change(*second_, 3, 0.01, 3);
  store_.Publish(third);
  EXPECT_EQ(payloads.PayloadFor(third, BaseOf(*second_)).header().encoding, Encoding::kDelta);
  EXPECT_EQ(payloads.PayloadFor(second_, {}).bytes(), second_->bytes.view());
}

}  // namespace
}  // namespace convrec::learner
