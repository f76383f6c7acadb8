// Several parameters that lie one after the other in one buffer, so that one product serves all.
//
// The parts are what optimizers, checkpoints and weight updates see: leaves with their own
// gradient. The whole is what the forward pass multiplies with. Both are the same memory, nothing
// is copied and nothing can go stale.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace convrec::model {

class PackedMatrix final {
 public:
  PackedMatrix() = default;
  // Parts of `rows[i]` rows and `columns` columns (0 = the parts are vectors), zero at first.
  PackedMatrix(const std::vector<int64_t>& rows,
               int64_t columns,
               at::Device device,
               bool trainable);

  bool defined() const { return whole_.defined(); }
  const std::vector<at::Tensor>& parts() const { return parts_; }

  // All rows; where gradients are recorded, each part receives its rows of the gradient.
  // Undefined for an undefined matrix.
  at::Tensor Whole() const;

 private:
  at::Tensor whole_;
  std::vector<at::Tensor> parts_;
};

}  // namespace convrec::model
