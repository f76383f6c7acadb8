#include "libs/kernels/multiply.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "libs/base/check.h"
#include "libs/kernels/parallel.h"

namespace convrec::kernels {
namespace {

// Rows of activations that stay in the inner caches while the panels are streamed.
constexpr int64_t kMostChunkRows = 168;
constexpr int64_t kChunkElements = 128 * 1024;
// Columns summed at a time: their part of a panel stays in the innermost cache for all tiles of a
// chunk.
constexpr int64_t kBlockDepth = 256;

// Activations in the form that tiles read.
struct Rows {
  const float* wide = nullptr;
  const uint16_t* narrow = nullptr;
  bool is_by_columns =
      false;  // Each chunk of rows by itself, [depth, chunk rows], or pairs of them.
  int64_t chunk_rows = 0;
};

// Chunks are as even as possible, so that no thread ends with a small remainder.
int64_t ChunkRows(int64_t m, int64_t depth, const KernelTable& kernels) {
  const int64_t fitting = kChunkElements / depth / kernels.max_rows * kernels.max_rows;
  const int64_t most = std::clamp<int64_t>(fitting, 4 * kernels.max_rows, kMostChunkRows);
  const int64_t num_chunks = (m + most - 1) / most;
  return (m + num_chunks - 1) / num_chunks;
}

template <typename T>
T* Scratch(std::vector<T>* memory, int64_t size) {
  if (memory->size() < static_cast<size_t>(size)) memory->resize(static_cast<size_t>(size));
  return memory->data();
}

Rows PrepareTransposed(const PanelMatrix& weights,
                       const Product& product,
                       bool has_pairs,
                       int64_t chunk_rows,
                       const KernelTable& kernels,
                       std::vector<float>* wide,
                       std::vector<uint16_t>* narrow) {
  const int64_t m = product.m, depth = weights.depth(), columns = weights.columns();
  const int64_t num_chunks = (m + chunk_rows - 1) / chunk_rows;
  Rows rows{.is_by_columns = true, .chunk_rows = chunk_rows};
  constexpr int64_t kPartColumns = 64;  // Even.
  const int64_t num_parts = (columns + kPartColumns - 1) / kPartColumns;
  float* floats = has_pairs ? nullptr : Scratch(wide, num_chunks * chunk_rows * depth);
  uint16_t* pairs = has_pairs ? Scratch(narrow, num_chunks * chunk_rows * depth) : nullptr;
  ParallelForStatic(num_chunks * num_parts, [&](int64_t task) {
    const int64_t first = task / num_parts * chunk_rows, count = std::min(chunk_rows, m - first);
    const int64_t begin = task % num_parts * kPartColumns,
                  end = std::min(begin + kPartColumns, columns);
    for (int64_t k = begin; k < end; ++k) {
      const float* source = product.x_KM + k * m + first;
      if (!has_pairs) {
        std::memcpy(floats + first * depth + k * chunk_rows,
                    source,
                    static_cast<size_t>(count) * sizeof(float));
        continue;
      }
      uint16_t rounded[kMostChunkRows];
      kernels.to_bfloat16(source, count, rounded);
      uint16_t* target = pairs + first * depth + k / 2 * 2 * chunk_rows + k % 2;
      for (int64_t r = 0; r < count; ++r) target[2 * r] = rounded[r];
      if (k + 1 == columns && depth > columns) {
        for (int64_t r = 0; r < count; ++r) target[2 * r + 1] = 0;
      }
    }
  });
  rows.wide = floats;
  rows.narrow = pairs;
  return rows;
}

Rows Prepare(const PanelMatrix& weights,
             const Product& product,
             bool is_rounded,
             bool has_pairs,
             int64_t chunk_rows,
             const KernelTable& kernels,
             std::vector<float>* wide,
             std::vector<uint16_t>* narrow) {
  const int64_t depth = weights.depth(), columns = weights.columns();
  const auto for_rows = [&](const auto& convert) {
    ParallelForStatic((product.m + 7) / 8, [&](int64_t part) {
      for (int64_t m = 8 * part; m < std::min(8 * part + 8, product.m); ++m)
        convert(m, product.x_MK + m * columns);
    });
  };
  Rows rows{.wide = product.x_MK, .chunk_rows = chunk_rows};
  if (has_pairs) {
    uint16_t* out = Scratch(narrow, product.m * depth);
    for_rows([&](int64_t m, const float* row) {
      kernels.to_bfloat16(row, columns, out + m * depth);
      if (depth > columns) out[m * depth + columns] = 0;
    });
    rows.narrow = out;
  } else if (is_rounded || depth > columns) {
    float* out = Scratch(wide, product.m * depth);
    for_rows([&](int64_t m, const float* row) {
      if (is_rounded) {
        kernels.round_to_bfloat16(row, columns, out + m * depth);
      } else {
        std::memcpy(out + m * depth, row, static_cast<size_t>(columns) * sizeof(float));
      }
      if (depth > columns) out[m * depth + columns] = 0;
    });
    rows.wide = out;
  }
  return rows;
}

// One tile over columns [k, k + depth) of the weights.
void RunTile(const KernelTable& kernels,
             const PanelMatrix& weights,
             const Rows& x,
             int64_t panel,
             int64_t chunk_first,
             int64_t first,
             int count,
             int64_t k,
             int64_t depth,
             float* c,
             int64_t ldc,
             const TileEnd& end) {
  const int64_t whole = weights.depth();
  if (weights.type() == PanelType::kFloat32) {
    const float* b = weights.FloatPanel(panel) + k * kPanelColumns;
    if (x.is_by_columns) {
      const float* a = x.wide + chunk_first * whole + k * x.chunk_rows + (first - chunk_first);
      kernels.tile_by_columns(count, depth, a, x.chunk_rows, b, kPanelColumns, c, ldc, end);
    } else {
      kernels.tile(count, depth, x.wide + first * whole + k, whole, b, kPanelColumns, c, ldc, end);
    }
    return;
  }
  const uint16_t* b = weights.BfloatPanel(panel) + k * kPanelColumns;
  if (x.narrow == nullptr) {
    kernels.tile_widened(count, depth, x.wide + first * whole + k, whole, b, c, ldc, end);
  } else if (x.is_by_columns) {
    const uint16_t* a =
        x.narrow + chunk_first * whole + k * x.chunk_rows + 2 * (first - chunk_first);
    kernels.tile_bfloat16_by_columns(count, depth, a, x.chunk_rows, b, c, ldc, end);
  } else {
    kernels.tile_bfloat16(count, depth, x.narrow + first * whole + k, whole, b, c, ldc, end);
  }
}

// One panel of the result for one chunk of rows.
void RunTask(const PanelMatrix& weights,
             const Product& product,
             const KernelTable& kernels,
             const Rows& x,
             int64_t chunk_rows,
             int64_t task) {
  const int64_t n = weights.rows(), depth = weights.depth();
  const int64_t panel = task % weights.num_panels();
  const int64_t begin = task / weights.num_panels() * chunk_rows;
  const int64_t rows = std::min(chunk_rows, product.m - begin);
  const int64_t num_tiles = (rows + kernels.max_rows - 1) / kernels.max_rows;
  const int64_t first_column = panel * kPanelColumns;
  const int64_t num_columns = std::min(kPanelColumns, n - first_column);
  float bias[kPanelColumns] = {};
  if (product.bias_N != nullptr) {
    std::memcpy(
        bias, product.bias_N + first_column, static_cast<size_t>(num_columns) * sizeof(float));
  }
  float sums[kMostChunkRows * kPanelColumns];
  // Sums go directly to the result, unless they have more or fewer columns, or are continued and
  // then added to it.
  const bool is_edge = num_columns < kPanelColumns;
  const bool is_apart =
      is_edge || (depth > kBlockDepth && (product.add || product.bias_N != nullptr));
  float* const out = product.out_MN + begin * n + first_column;
  for (int64_t k = 0; k < depth; k += kBlockDepth) {
    TileEnd end{.mode = k > 0 ? TileEnd::Mode::kContinue : TileEnd::Mode::kStore};
    if (!is_apart && product.add) end.mode = TileEnd::Mode::kAdd;
    if (!is_apart && product.bias_N != nullptr) end.bias = bias;
    for (int64_t tile = 0; tile < num_tiles; ++tile) {
      // Rows are divided evenly, so that no tile is a small remainder.
      const int64_t first = rows * tile / num_tiles;
      const int count = static_cast<int>(rows * (tile + 1) / num_tiles - first);
      float* c = is_apart ? sums + first * kPanelColumns : out + first * n;
      RunTile(kernels,
              weights,
              x,
              panel,
              begin,
              begin + first,
              count,
              k,
              std::min(kBlockDepth, depth - k),
              c,
              is_apart ? kPanelColumns : n,
              end);
    }
  }
  if (!is_apart) return;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < num_columns; ++i) {
      const float sum = sums[r * kPanelColumns + i] + bias[i];
      out[r * n + i] = product.add ? out[r * n + i] + sum : sum;
    }
  }
}

}  // namespace

void Multiply(const PanelMatrix& weights, const Product& product, const KernelTable& kernels) {
  if (product.m == 0) return;
  const int64_t depth = weights.depth();
  const bool is_narrow = weights.type() == PanelType::kBfloat16;
  const bool is_rounded = is_narrow && product.precision == Precision::kBfloat16;
  const bool has_pairs = is_rounded && kernels.tile_bfloat16 != nullptr;
  CR_CHECK(product.x_KM == nullptr || !is_narrow || has_pairs,
           "transposed activations need products of pairs");
  const int64_t chunk_rows = ChunkRows(product.m, depth, kernels);
  static thread_local std::vector<uint16_t> narrow;
  static thread_local std::vector<float> wide;
  const Rows x =
      product.x_KM != nullptr
          ? PrepareTransposed(weights, product, has_pairs, chunk_rows, kernels, &wide, &narrow)
          : Prepare(weights, product, is_rounded, has_pairs, chunk_rows, kernels, &wide, &narrow);

  const int64_t num_panels = weights.num_panels();
  const int64_t num_chunks = (product.m + chunk_rows - 1) / chunk_rows;
  const auto run = [&](int64_t task) { RunTask(weights, product, kernels, x, chunk_rows, task); };
  // With many chunks, a delayed thread leaves the rest to the others; with one, each thread reads
  // the same panels at every step of sampling.
  if (num_chunks > 1) {
    ParallelFor(num_chunks * num_panels, run);
  } else {
    ParallelForStatic(num_panels, run);
  }
}

}  // namespace convrec::kernels
