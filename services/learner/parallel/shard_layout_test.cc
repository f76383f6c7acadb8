#include "services/learner/parallel/shard_layout.h"

#include <gtest/gtest.h>

namespace convrec::learner {
namespace {

TEST(ShardLayoutTest, EveryElementIsOwnedOnceWhateverTheNumberOfRanks) {
  const std::vector<int64_t> sizes = {7, 1, 30, 4, 4, 2};
  for (const int ranks : {1, 2, 3, 4, 7, 64}) {
    for (const int64_t bucket_size : {1, 8, 1000}) {
      std::vector<std::vector<int>> owners;
      for (const int64_t size : sizes) owners.emplace_back(static_cast<size_t>(size), 0);
      for (const Bucket& bucket : MakeBuckets(sizes, ranks, bucket_size)) {
        EXPECT_EQ(bucket.size, bucket.shard_size * ranks);
        for (int rank = 0; rank < ranks; ++rank) {
          for (const ShardPiece& piece : PiecesOf(bucket, rank)) {
            EXPECT_LE(piece.offset + piece.size, bucket.shard_size);
            for (int64_t i = 0; i < piece.size; ++i)
              ++owners[piece.parameter][static_cast<size_t>(piece.begin + i)];
          }
        }
      }
      for (const std::vector<int>& counts : owners) {
        for (const int count : counts) EXPECT_EQ(count, 1);
      }
    }
  }
}

TEST(ShardLayoutTest, BucketsHoldTheLastParametersFirstAndKeepTheirBound) {
  const std::vector<Bucket> buckets = MakeBuckets({10, 3, 4, 5}, 2, 9);
  ASSERT_EQ(buckets.size(), 3u);
  EXPECT_EQ(buckets[0].members[0].parameter, 3u);
  EXPECT_EQ(buckets[0].members[1].parameter, 2u);
  EXPECT_EQ(buckets[0].members[1].offset, 5);
  EXPECT_EQ(buckets[0].size, 10);  // 9 and padding.
  EXPECT_EQ(buckets[2].members[0].size, 10);
}

}  // namespace
}  // namespace convrec::learner
