// Tracks which blocks of key-value memory are in use, by reference count.
//
// It handles ids only; the memory itself belongs to the KvStore. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace convrec::engine {

class BlockPool final {
 public:
  explicit BlockPool(int num_blocks);

  int num_blocks() const { return static_cast<int>(references_.size()); }
  int num_free() const { return static_cast<int>(free_.size()); }
  int num_used() const { return num_blocks() - num_free(); }
  // Most blocks that were in use at the same time.
  int peak_used() const { return peak_used_; }
  int references(int32_t block) const { return references_[static_cast<size_t>(block)]; }

  // A block with one reference; there must be a free one. Takes the block that was freed last, so
  // that little memory is touched.
  int32_t Allocate();
  void Retain(int32_t block);
  // Frees the block with its last reference.
  void Release(int32_t block);

 private:
  std::vector<int> references_;
  std::vector<int32_t> free_;
  int peak_used_ = 0;
};

}  // namespace convrec::engine
