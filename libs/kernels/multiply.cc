#include "libs/kernels/multiply.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "libs/base/check.h"
#include "libs/kernels/parallel.h"

namespace convrec::kernels {
namespace {

// Rows of activations that stay in the inner caches while the panels pass by.
constexpr int64_t kChunkRows = 168;

}  // namespace

void Multiply(const PanelMatrix& weights, const Product& product, const KernelTable& kernels) {
  if (product.m == 0) return;
  const int64_t n = weights.rows(), depth = weights.depth(), columns = weights.columns();
  const bool is_narrow = weights.type() == PanelType::kBfloat16;
  const bool is_rounded = is_narrow && product.precision == Precision::kBfloat16;
  const bool has_pairs = is_rounded && kernels.tile_bfloat16 != nullptr;

  // Activations as the tiles read them: as pairs, or as float32, rounded, in whole pairs.
  static thread_local std::vector<uint16_t> narrow;
  static thread_local std::vector<float> wide;
  const auto for_rows = [&](const auto& convert) {
    ParallelForStatic((product.m + 7) / 8, [&](int64_t part) {
      for (int64_t m = 8 * part; m < std::min(8 * part + 8, product.m); ++m)
        convert(m, product.x_MK + m * columns);
    });
  };
  const float* x = product.x_MK;
  const uint16_t* pairs = nullptr;
  if (has_pairs) {
    narrow.resize(static_cast<size_t>(product.m * depth));
    uint16_t* out = narrow.data();
    for_rows([&](int64_t m, const float* row) {
      kernels.to_bfloat16(row, columns, out + m * depth);
      if (depth > columns) out[m * depth + columns] = 0;
    });
    pairs = out;
  } else if (is_rounded || depth > columns) {
    wide.resize(static_cast<size_t>(product.m * depth));
    float* out = wide.data();
    for_rows([&](int64_t m, const float* row) {
      if (is_rounded) {
        kernels.round_to_bfloat16(row, columns, out + m * depth);
      } else {
        std::memcpy(out + m * depth, row, static_cast<size_t>(columns) * sizeof(float));
      }
      if (depth > columns) out[m * depth + columns] = 0;
    });
    x = out;
  }

  const int64_t num_panels = weights.num_panels();
  const int64_t num_chunks = (product.m + kChunkRows - 1) / kChunkRows;
  ParallelForStatic(num_chunks * num_panels, [&](int64_t task) {
    const int64_t panel = task % num_panels;
    const int64_t begin = task / num_panels * kChunkRows;
    const int64_t rows = std::min(kChunkRows, product.m - begin);
    const int64_t num_tiles = (rows + kernels.max_rows - 1) / kernels.max_rows;
    const int64_t first_column = panel * kPanelColumns;
    const int64_t num_columns = std::min(kPanelColumns, n - first_column);
    float bias[kPanelColumns] = {};
    if (product.bias_N != nullptr) {
      std::memcpy(
          bias, product.bias_N + first_column, static_cast<size_t>(num_columns) * sizeof(float));
    }
    for (int64_t tile = 0; tile < num_tiles; ++tile) {
      // Rows are divided evenly, so that no tile is a small rest.
      const int64_t first = begin + rows * tile / num_tiles;
      const int count = static_cast<int>(begin + rows * (tile + 1) / num_tiles - first);
      float edge[16 * kPanelColumns];
      const bool is_edge = num_columns < kPanelColumns;
      float* c = is_edge ? edge : product.out_MN + first * n + first_column;
      const int64_t ldc = is_edge ? kPanelColumns : n;
      const TileEnd end{
          .mode = product.add && !is_edge ? TileEnd::Mode::kAdd : TileEnd::Mode::kStore,
          .bias = product.bias_N != nullptr ? bias : nullptr};
      if (has_pairs) {
        kernels.tile_bfloat16(
            count, depth, pairs + first * depth, depth, weights.BfloatPanel(panel), c, ldc, end);
      } else if (is_narrow) {
        kernels.tile_widened(
            count, depth, x + first * depth, depth, weights.BfloatPanel(panel), c, ldc, end);
      } else {
        kernels.tile(count,
                     depth,
                     x + first * depth,
                     depth,
                     weights.FloatPanel(panel),
                     kPanelColumns,
                     c,
                     ldc,
                     end);
      }
      if (!is_edge) continue;
      for (int64_t r = 0; r < count; ++r) {
        float* out = product.out_MN + (first + r) * n + first_column;
        for (int64_t i = 0; i < num_columns; ++i) {
          out[i] = product.add ? out[i] + edge[r * kPanelColumns + i] : edge[r * kPanelColumns + i];
        }
      }
    }
  });
}

}  // namespace convrec::kernels
