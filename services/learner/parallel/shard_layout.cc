#include "services/learner/parallel/shard_layout.h"

#include <algorithm>

#include "libs/base/check.h"

namespace convrec::learner {

std::vector<Bucket> MakeBuckets(const std::vector<int64_t>& parameter_sizes,
                                int num_ranks,
                                int64_t bucket_size) {
  CR_CHECK(bucket_size > 0);
  std::vector<Bucket> buckets;
  for (size_t i = parameter_sizes.size(); i-- > 0;) {
    const int64_t size = parameter_sizes[i];
    if (buckets.empty() || buckets.back().size + size > bucket_size) buckets.emplace_back();
    Bucket& bucket = buckets.back();
    bucket.members.push_back({.parameter = i, .offset = bucket.size, .size = size});
    bucket.size += size;
  }
  for (Bucket& bucket : buckets) CutIntoShards(num_ranks, &bucket);
  return buckets;
}

void CutIntoShards(int num_ranks, Bucket* bucket) {
  CR_CHECK(num_ranks > 0);
  bucket->shard_size = (bucket->size + num_ranks - 1) / num_ranks;
  bucket->size = bucket->shard_size * num_ranks;
}

std::vector<ShardPiece> PiecesOf(const Bucket& bucket, int rank) {
  const int64_t first = rank * bucket.shard_size, end = first + bucket.shard_size;
  std::vector<ShardPiece> pieces;
  for (const BucketMember& member : bucket.members) {
    const int64_t begin = std::max(first, member.offset);
    const int64_t size = std::min(end, member.offset + member.size) - begin;
    if (size <= 0) continue;
    pieces.push_back({.parameter = member.parameter,
                      .begin = begin - member.offset,
                      .offset = begin - first,
                      .size = size});
  }
  return pieces;
}

}  // namespace convrec::learner
