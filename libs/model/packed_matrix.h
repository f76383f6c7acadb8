// Several parameters stored contiguously in one buffer, so that one product serves all of them.
//
// Optimizers, checkpoints and weight updates see the parts, which are leaves with their own
// gradients. The forward pass multiplies with the whole. Both are the same memory, so nothing is
// copied and nothing can become stale.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace convrec::model {

class PackedMatrix final {
 public:
  PackedMatrix() = default;
  // Parts of `rows[i]` rows and `columns` columns (0 = the parts are vectors), initially zero.
  PackedMatrix(const std::vector<int64_t>& rows,
               int64_t columns,
               at::Device device,
               bool trainable);

  bool defined() const { return whole_.defined(); }
  const std::vector<at::Tensor>& parts() const { return parts_; }

  // All rows; if gradients are recorded, each part receives its rows of the gradient. Undefined for
  // an undefined matrix.
  at::Tensor Whole() const;

 private:
  at::Tensor whole_;
  std::vector<at::Tensor> parts_;
};

}  // namespace convrec::model
