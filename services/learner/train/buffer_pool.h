// Buffers that are needed again and again while a pass goes from unit to unit.
//
// Blocks of this size that come and go break up the heap, which then grows with every layer; here
// one that is given back serves the next one of its size. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace convrec::learner {

class BufferPool final {
 public:
  // One dimension; values are whatever was there.
  at::Tensor Take(int64_t size, const at::TensorOptions& options) {
    const auto found = std::find_if(spare_.begin(), spare_.end(), [size](const at::Tensor& spare) {
      return spare.numel() == size;
    });
    if (found == spare_.end()) return at::empty({size}, options);
    at::Tensor buffer = std::move(*found);
    spare_.erase(found);
    return buffer;
  }

  // `buffer` has no other user any more.
  void Give(at::Tensor buffer) {
    if (buffer.nbytes() <= kKept) spare_.push_back(std::move(buffer));
  }

 private:
  // Larger blocks are mapped one by one, and cost memory only while they are used.
  static constexpr size_t kKept = size_t{32} << 20;
  std::vector<at::Tensor> spare_;
};

}  // namespace convrec::learner
