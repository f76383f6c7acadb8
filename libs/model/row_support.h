// The tokens over which each row's distribution is taken. Torch-free.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace convrec::model {

// Shapes: M rows.
struct RowSupport {
  // Ids must be ascending, without repetition, and include the row's target.
  void AddRow(std::span<const int32_t> legal_ids) {
    ids.insert(ids.end(), legal_ids.begin(), legal_ids.end());
    begin.push_back(ids.size());
  }
  void AddWholeRow() { begin.push_back(ids.size()); }

  size_t num_rows() const { return begin.size() - 1; }
  // Empty = the whole vocabulary.
  std::span<const int32_t> row(size_t m) const {
    return {ids.data() + begin[m], begin[m + 1] - begin[m]};
  }

  std::vector<size_t> begin = {0};  // M + 1; row m is ids[begin[m]] up to ids[begin[m + 1]].
  std::vector<int32_t> ids;
};

}  // namespace convrec::model
