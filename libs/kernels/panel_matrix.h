// A weight matrix stored in the order in which products read it.
//
// Rows are grouped in panels of 32. A panel holds its 32 rows' elements of column 0, then of column
// 1, and so on; bfloat16 panels hold pairs of columns. A product streams one panel after another.
// Setting rows needs exclusive access; reading is safe from any number of threads.
#pragma once

#include <cstdint>
#include <memory>

#include "libs/kernels/kernel_table.h"

namespace convrec::kernels {

enum class PanelType { kFloat32, kBfloat16 };

class PanelMatrix final {
 public:
  PanelMatrix() = default;
  // [rows, columns], initially zero.
  PanelMatrix(int64_t rows, int64_t columns, PanelType type);

  // Changes the shape, reusing the memory if it is large enough; the values are then unspecified
  // until set.
  void Reshape(int64_t rows, int64_t columns, PanelType type);

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  int64_t num_panels() const { return (rows_ + kPanelColumns - 1) / kPanelColumns; }
  // Number of columns, padded so that they form pairs.
  int64_t depth() const { return depth_; }
  PanelType type() const { return type_; }
  int64_t bytes() const;

  // Sets `count` rows, row-major [count, columns], from row `first` on; rounds to nearest if the
  // type is narrower.
  void SetRows(int64_t first, int64_t count, const float* source);
  void SetRowsFromBfloat16(int64_t first, int64_t count, const uint16_t* source);
  // Sets all values from their transpose, row-major [columns, rows] with `stride` >= rows between
  // its rows.
  void SetTransposed(const float* source, int64_t stride);
  // Copies one row, widened to float32.
  void CopyRow(int64_t row, float* out) const;

  const float* FloatPanel(int64_t panel) const;      // [depth, 32]
  const uint16_t* BfloatPanel(int64_t panel) const;  // [depth / 2, 32, 2]

 private:
  struct Free {
    void operator()(void* memory) const;
  };
  template <typename Put>
  void ForPanels(int64_t first, int64_t count, const Put& put);
  void PutPairs(int64_t panel, int64_t lane, const uint16_t* source, int64_t rows);

  int64_t rows_ = 0;
  int64_t columns_ = 0;
  int64_t depth_ = 0;
  PanelType type_ = PanelType::kFloat32;
  int64_t capacity_ = 0;  // Bytes.
  std::unique_ptr<void, Free> memory_;
};

}  // namespace convrec::kernels
