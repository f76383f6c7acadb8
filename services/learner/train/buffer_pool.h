// Reuses the buffers that a pass needs repeatedly as it goes from unit to unit.
//
// Allocating and freeing blocks of this size fragments the heap, which then grows with every layer.
// Here a returned block is given to the next request of its size. Not thread-safe.
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
  // One dimension; the contents are undefined.
  at::Tensor Take(int64_t size, const at::TensorOptions& options) {
    const auto found = std::find_if(spare_.begin(), spare_.end(), [size](const at::Tensor& spare) {
      return spare.numel() == size;
    });
    if (found == spare_.end()) return at::empty({size}, options);
    at::Tensor buffer = std::move(*found);
    spare_.erase(found);
    return buffer;
  }

  // `buffer` must have no other user.
  void Give(at::Tensor buffer) {
    if (buffer.nbytes() <= kKept) spare_.push_back(std::move(buffer));
  }

 private:
  // Larger blocks are mapped individually, and use memory only while in use.
  static constexpr size_t kKept = size_t{32} << 20;
  std::vector<at::Tensor> spare_;
};

}  // namespace convrec::learner
