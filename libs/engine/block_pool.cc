#include "libs/engine/block_pool.h"

#include <algorithm>

#include "libs/base/check.h"

namespace convrec::engine {

BlockPool::BlockPool(int num_blocks) : references_(static_cast<size_t>(num_blocks), 0) {
  CR_CHECK(num_blocks > 0);
  for (int32_t block = num_blocks; block-- > 0;) free_.push_back(block);
}

int32_t BlockPool::Allocate() {
  CR_CHECK(!free_.empty(), "no free block");
  const int32_t block = free_.back();
  free_.pop_back();
  references_[static_cast<size_t>(block)] = 1;
  peak_used_ = std::max(peak_used_, num_used());
  return block;
}

void BlockPool::Retain(int32_t block) {
  CR_CHECK(references(block) > 0, "a free block has no holder");
  ++references_[static_cast<size_t>(block)];
}

void BlockPool::Release(int32_t block) {
  CR_CHECK(references(block) > 0, "a free block has no holder");
  if (--references_[static_cast<size_t>(block)] == 0) free_.push_back(block);
}

}  // namespace convrec::engine
