#include "libs/kernels/panel_matrix.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "libs/base/bfloat16.h"
#include "libs/base/check.h"
#include "libs/kernels/parallel.h"

namespace convrec::kernels {
namespace {

int64_t ElementBytes(PanelType type) { return type == PanelType::kFloat32 ? 4 : 2; }

}  // namespace

void PanelMatrix::Free::operator()(void* memory) const { std::free(memory); }

PanelMatrix::PanelMatrix(int64_t rows, int64_t columns, PanelType type) {
  Reshape(rows, columns, type);
  std::memset(memory_.get(), 0, static_cast<size_t>(capacity_));
}

void PanelMatrix::Reshape(int64_t rows, int64_t columns, PanelType type) {
  CR_CHECK(rows > 0 && columns > 0);
  rows_ = rows;
  columns_ = columns;
  depth_ = type == PanelType::kFloat32 ? columns : (columns + 1) / 2 * 2;
  type_ = type;
  const int64_t size = (bytes() + 63) / 64 * 64;
  if (size > capacity_) {
    memory_.reset(std::aligned_alloc(64, static_cast<size_t>(size)));
    CR_CHECK(memory_ != nullptr, "no memory for a weight matrix");
    capacity_ = size;
  }
  if (depth_ == columns_) return;
  // The padding columns that complete pairs.
  for (int64_t panel = 0; panel < num_panels(); ++panel) {
    uint16_t* last = const_cast<uint16_t*>(BfloatPanel(panel)) + (depth_ - 2) * kPanelColumns;
    std::memset(last, 0, 2 * kPanelColumns * sizeof(uint16_t));
  }
}

int64_t PanelMatrix::bytes() const {
  return num_panels() * kPanelColumns * depth_ * ElementBytes(type_);
}

const float* PanelMatrix::FloatPanel(int64_t panel) const {
  return static_cast<const float*>(memory_.get()) + panel * kPanelColumns * depth_;
}

const uint16_t* PanelMatrix::BfloatPanel(int64_t panel) const {
  return static_cast<const uint16_t*>(memory_.get()) + panel * kPanelColumns * depth_;
}

// Calls put(panel, lane, columns of the source row) for the given rows, a panel at a time, so that
// no two threads write to one cache line.
template <typename Put>
void PanelMatrix::ForPanels(int64_t first, int64_t count, const Put& put) {
  CR_CHECK(first >= 0 && count >= 0 && first + count <= rows_);
  if (count == 0) return;
  const int64_t first_panel = first / kPanelColumns,
                last_panel = (first + count - 1) / kPanelColumns;
  ParallelFor(last_panel - first_panel + 1, [&](int64_t i) {
    const int64_t panel = first_panel + i;
    const int64_t begin = std::max(first, panel * kPanelColumns);
    const int64_t end = std::min(first + count, (panel + 1) * kPanelColumns);
    put(panel, begin % kPanelColumns, begin - first, end - begin);
  });
}

void PanelMatrix::SetRows(int64_t first, int64_t count, const float* source) {
  ForPanels(first, count, [&](int64_t panel, int64_t lane, int64_t row, int64_t rows) {
    const float* from = source + row * columns_;
    if (type_ == PanelType::kFloat32) {
      float* target = const_cast<float*>(FloatPanel(panel)) + lane;
      for (int64_t k = 0; k < columns_; ++k) {
        for (int64_t r = 0; r < rows; ++r) target[k * kPanelColumns + r] = from[r * columns_ + k];
      }
      return;
    }
    std::vector<uint16_t> rounded(static_cast<size_t>(rows * columns_));
    Kernels().to_bfloat16(from, rows * columns_, rounded.data());
    PutPairs(panel, lane, rounded.data(), rows);
  });
}

void PanelMatrix::SetRowsFromBfloat16(int64_t first, int64_t count, const uint16_t* source) {
  ForPanels(first, count, [&](int64_t panel, int64_t lane, int64_t row, int64_t rows) {
    const uint16_t* from = source + row * columns_;
    if (type_ == PanelType::kBfloat16) return PutPairs(panel, lane, from, rows);
    float* target = const_cast<float*>(FloatPanel(panel)) + lane;
    for (int64_t k = 0; k < columns_; ++k) {
      for (int64_t r = 0; r < rows; ++r)
        target[k * kPanelColumns + r] = base::FromBfloat16(from[r * columns_ + k]);
    }
  });
}

void PanelMatrix::SetTransposed(const float* source, int64_t stride) {
  ParallelFor(num_panels(), [&](int64_t panel) {
    const int64_t first = panel * kPanelColumns, rows = std::min(kPanelColumns, rows_ - first);
    if (type_ == PanelType::kFloat32) {
      float* target = const_cast<float*>(FloatPanel(panel));
      for (int64_t k = 0; k < columns_; ++k) {
        std::memcpy(target + k * kPanelColumns,
                    source + k * stride + first,
                    static_cast<size_t>(rows) * sizeof(float));
      }
      return;
    }
    uint16_t* target = const_cast<uint16_t*>(BfloatPanel(panel));
    uint16_t rounded[kPanelColumns];
    for (int64_t k = 0; k < columns_; ++k) {
      Kernels().to_bfloat16(source + k * stride + first, rows, rounded);
      uint16_t* pairs = target + k / 2 * 2 * kPanelColumns + k % 2;
      for (int64_t r = 0; r < rows; ++r) pairs[2 * r] = rounded[r];
    }
  });
}

void PanelMatrix::PutPairs(int64_t panel, int64_t lane, const uint16_t* source, int64_t rows) {
  uint16_t* target = const_cast<uint16_t*>(BfloatPanel(panel)) + 2 * lane;
  for (int64_t k = 0; k < columns_; ++k) {
    uint16_t* pairs = target + k / 2 * 2 * kPanelColumns + k % 2;
    for (int64_t r = 0; r < rows; ++r) pairs[2 * r] = source[r * columns_ + k];
  }
}

void PanelMatrix::CopyRow(int64_t row, float* out) const {
  CR_CHECK(row >= 0 && row < rows_);
  const int64_t panel = row / kPanelColumns, lane = row % kPanelColumns;
  if (type_ == PanelType::kFloat32) {
    const float* source = FloatPanel(panel) + lane;
    for (int64_t k = 0; k < columns_; ++k) out[k] = source[k * kPanelColumns];
  } else {
    const uint16_t* source = BfloatPanel(panel) + 2 * lane;
    for (int64_t k = 0; k < columns_; ++k)
      out[k] = base::FromBfloat16(source[k / 2 * 2 * kPanelColumns + k % 2]);
  }
}

}  // namespace convrec::kernels
