// The adapters of a linear map: y + scale (x A^T) B^T.
//
// The parts of a map read the same input, so their A matrices form one product; a part may have no
// adapter. Shapes: M rows, K input width, N output width, R rank, P adapters.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "libs/model/cpu_linear.h"
#include "libs/model/packed_matrix.h"

namespace convrec::model {

class LowRank final {
 public:
  struct Options {
    std::vector<int64_t> rows;    // Rows of every part of the map.
    std::vector<bool> is_target;  // Whether a part has an adapter; at least one does.
    int64_t columns = 0;
    int64_t rank = 0;
    float scale = 1;
    bool trainable = false;
  };
  // Initially all zero.
  LowRank(const Options& options, at::Device device);

  // Float32 leaves, [R, K] and [N, R]; undefined for a part without an adapter.
  at::Tensor a(size_t part) const;
  at::Tensor b(size_t part) const { return b_[part]; }

  // out + scale (input A^T) B^T; changes out in place if no gradient is recorded. On devices other
  // than a CPU the input must be plain.
  at::Tensor AddTo(at::Tensor out_MN, const LinearInput& input, kernels::PanelType type) const;

 private:
  Options options_;
  std::vector<size_t> place_;  // Index of a part's A among all of them.
  PackedMatrix a_;             // [P R, K]
  std::vector<at::Tensor> b_;  // By part.
};

}  // namespace convrec::model
