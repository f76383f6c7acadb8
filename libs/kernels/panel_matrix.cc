#include "libs/kernels/panel_matrix.h"

#include <cstdlib>
#include <cstring>
#include <vector>

#include "libs/base/check.h"
#include "libs/kernels/parallel.h"

namespace convrec::kernels {
namespace {

int64_t ElementBytes(PanelType type) { return type == PanelType::kFloat32 ? 4 : 2; }

float Widen(uint16_t x) {
  const uint32_t bits = uint32_t{x} << 16;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

}  // namespace

void PanelMatrix::Free::operator()(void* memory) const { std::free(memory); }

PanelMatrix::PanelMatrix(int64_t rows, int64_t columns, PanelType type)
    : rows_(rows),
      columns_(columns),
      depth_(type == PanelType::kFloat32 ? columns : (columns + 1) / 2 * 2),
      type_(type) {
  CR_CHECK(rows > 0 && columns > 0);
  const size_t size = static_cast<size_t>((bytes() + 63) / 64 * 64);
  memory_.reset(std::aligned_alloc(64, size));
  CR_CHECK(memory_ != nullptr, "no memory for a weight matrix");
  std::memset(memory_.get(), 0, size);
}

int64_t PanelMatrix::bytes() const { return num_panels() * kPanelColumns * depth_ * ElementBytes(type_); }

const float* PanelMatrix::FloatPanel(int64_t panel) const {
  return static_cast<const float*>(memory_.get()) + panel * kPanelColumns * depth_;
}

const uint16_t* PanelMatrix::BfloatPanel(int64_t panel) const {
  return static_cast<const uint16_t*>(memory_.get()) + panel * kPanelColumns * depth_;
}

void PanelMatrix::SetRows(int64_t first, int64_t count, const float* source) {
  CR_CHECK(first >= 0 && first + count <= rows_);
  ParallelFor(count, [&](int64_t i) {
    const float* row = source + i * columns_;
    const int64_t panel = (first + i) / kPanelColumns, lane = (first + i) % kPanelColumns;
    if (type_ == PanelType::kFloat32) {
      float* target = const_cast<float*>(FloatPanel(panel)) + lane;
      for (int64_t k = 0; k < columns_; ++k) target[k * kPanelColumns] = row[k];
      return;
    }
    std::vector<uint16_t> rounded(static_cast<size_t>(columns_));
    Kernels().to_bfloat16(row, columns_, rounded.data());
    uint16_t* target = const_cast<uint16_t*>(BfloatPanel(panel)) + 2 * lane;
    for (int64_t k = 0; k < columns_; ++k) {
      target[k / 2 * 2 * kPanelColumns + k % 2] = rounded[static_cast<size_t>(k)];
    }
  });
}

void PanelMatrix::SetRowsFromBfloat16(int64_t first, int64_t count, const uint16_t* source) {
  CR_CHECK(first >= 0 && first + count <= rows_);
  ParallelFor(count, [&](int64_t i) {
    const uint16_t* row = source + i * columns_;
    const int64_t panel = (first + i) / kPanelColumns, lane = (first + i) % kPanelColumns;
    if (type_ == PanelType::kFloat32) {
      float* target = const_cast<float*>(FloatPanel(panel)) + lane;
      for (int64_t k = 0; k < columns_; ++k) target[k * kPanelColumns] = Widen(row[k]);
    } else {
      uint16_t* target = const_cast<uint16_t*>(BfloatPanel(panel)) + 2 * lane;
      for (int64_t k = 0; k < columns_; ++k) target[k / 2 * 2 * kPanelColumns + k % 2] = row[k];
    }
  });
}

void PanelMatrix::CopyRow(int64_t row, float* out) const {
  CR_CHECK(row >= 0 && row < rows_);
  const int64_t panel = row / kPanelColumns, lane = row % kPanelColumns;
  if (type_ == PanelType::kFloat32) {
    const float* source = FloatPanel(panel) + lane;
    for (int64_t k = 0; k < columns_; ++k) out[k] = source[k * kPanelColumns];
  } else {
    const uint16_t* source = BfloatPanel(panel) + 2 * lane;
    for (int64_t k = 0; k < columns_; ++k) out[k] = Widen(source[k / 2 * 2 * kPanelColumns + k % 2]);
  }
}

}  // namespace convrec::kernels
