// Which elements of the parameters belong to which rank. Pure arithmetic.
//
// Parameters are laid end to end in buckets, the last parameter first, since a backward pass
// completes their gradients in roughly that order. A bucket is padded to a multiple of the number
// of ranks and cut into equal shards: rank r owns shard r of every bucket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace convrec::learner {

// A whole parameter in its bucket.
struct BucketMember {
  size_t parameter = 0;
  int64_t offset = 0;
  int64_t size = 0;
};

struct Bucket {
  std::vector<BucketMember> members;
  int64_t size = 0;        // Including padding.
  int64_t shard_size = 0;  // size / ranks.
};

// Elements [begin, begin + size) of a parameter, at `offset` of a shard.
struct ShardPiece {
  size_t parameter = 0;
  int64_t begin = 0;
  int64_t offset = 0;
  int64_t size = 0;
};

// Buckets of at least one parameter and, unless there is only one, at most `bucket_size` elements.
std::vector<Bucket> MakeBuckets(const std::vector<int64_t>& parameter_sizes,
                                int num_ranks,
                                int64_t bucket_size);

// Pads a bucket with laid-out members, and sets its shard_size.
void CutIntoShards(int num_ranks, Bucket* bucket);

// The part of a bucket that a rank owns, in order; padding belongs to no piece.
std::vector<ShardPiece> PiecesOf(const Bucket& bucket, int rank);

}  // namespace convrec::learner
