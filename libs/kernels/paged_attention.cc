#include "libs/kernels/paged_attention.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "libs/base/check.h"
#include "libs/kernels/kernel_table.h"
#include "libs/kernels/parallel.h"

namespace convrec::kernels {
namespace {

int64_t Padded(int64_t width) {
  return (width + kPanelColumns - 1) / kPanelColumns * kPanelColumns;
}

int64_t BlockElements(const HeadShape& shape) {
  return shape.kv_heads * kBlockPositions * (shape.width + Padded(shape.width));
}

using Segment = AttentionPlan::Segment;
using Tile = AttentionPlan::Tile;

// Blocks from position `shared_length` up to and including `last_position`.
int64_t OwnBlocks(int64_t shared_length, int64_t last_position) {
  return last_position / kBlockPositions - shared_length / kBlockPositions + 1;
}

// Place of column e at a position of the block: a panel for every 32 columns.
int64_t ValueIndex(int64_t e, int64_t offset) {
  return e / kPanelColumns * kPanelColumns * kBlockPositions + offset * kPanelColumns +
         e % kPanelColumns;
}
int64_t PairedValueIndex(int64_t e, int64_t offset) {
  return e / kPanelColumns * kPanelColumns * kBlockPositions + offset / 2 * 2 * kPanelColumns +
         2 * (e % kPanelColumns) + offset % 2;
}

void Write(PagedKeyValues* store,
           int64_t layer,
           const QueryGroup& group,
           const QueryRun& run,
           const AttentionInput& input) {
  const HeadShape& shape = store->shape();
  const KernelTable& kernels = Kernels();
  for (int64_t i = 0; i < run.num_rows; ++i) {
    const int64_t position = run.first_position + i, offset = position % kBlockPositions;
    const int32_t block =
        run.own_blocks[position / kBlockPositions - group.shared_length / kBlockPositions];
    for (int64_t head = 0; head < shape.kv_heads; ++head) {
      const float* k = input.k + (run.first_row + i) * input.k_stride + head * shape.width;
      const float* v = input.v + (run.first_row + i) * input.v_stride + head * shape.width;
      const int64_t keys = store->KeysAt(layer, block, head),
                    values = store->ValuesAt(layer, block, head);
      if (store->type() == PanelType::kFloat32) {
        float* memory = store->floats();
        for (int64_t e = 0; e < shape.width; ++e)
          memory[keys + e * kBlockPositions + offset] = k[e];
        for (int64_t e = 0; e < shape.width; ++e) memory[values + ValueIndex(e, offset)] = v[e];
        continue;
      }
      uint16_t* memory = store->bfloats();
      static thread_local std::vector<uint16_t> rounded;
      rounded.resize(static_cast<size_t>(2 * shape.width));
      kernels.to_bfloat16(k, shape.width, rounded.data());
      kernels.to_bfloat16(v, shape.width, rounded.data() + shape.width);
      for (int64_t e = 0; e < shape.width; ++e) {
        memory[keys + e / 2 * 2 * kBlockPositions + 2 * offset + e % 2] =
            rounded[static_cast<size_t>(e)];
        memory[values + PairedValueIndex(e, offset)] =
            rounded[static_cast<size_t>(shape.width + e)];
      }
    }
  }
}

// Scratch of one thread, kept from call to call.
struct Scratch {
  std::vector<float> queries, scores, sums, inverse;
};

// Attention of one tile: scores against all keys, softmax, sum of values; then the rows of `out`.
class TileAttention final {
 public:
  TileAttention(PagedKeyValues* store,
                int64_t layer,
                const Tile& tile,
                const AttentionInput& input,
                Scratch* scratch)
      : store_(*store),
        layer_(layer),
        tile_(tile),
        group_(*tile.group),
        input_(input),
        scratch_(*scratch),
        shared_blocks_((group_.shared_length + kBlockPositions - 1) / kBlockPositions) {
    int64_t tokens = 0, most_own = 0;
    for (const Segment& segment : tile.segments) {
      tokens += segment.num_tokens;
      most_own = std::max(most_own, OwnBlocksOf(segment));
    }
    rows_ = tokens * per_token_;
    length_ = (shared_blocks_ + most_own) * kBlockPositions;
  }

  void Run(float* out) {
    scratch_.queries.resize(static_cast<size_t>(rows_ * width_));
    scratch_.scores.resize(static_cast<size_t>(rows_ * length_));
    scratch_.sums.assign(static_cast<size_t>(rows_ * value_width_), 0.0F);
    scratch_.inverse.resize(static_cast<size_t>(rows_));
    ScaleQueries();
    ScoreKeys();
    WeighKeys();
    SumValues();
    Store(out);
  }

 private:
  int64_t OwnBlocksOf(const Segment& segment) const {
    return OwnBlocks(group_.shared_length,
                     segment.run->first_position + segment.first_token + segment.num_tokens - 1);
  }

  // Calls body(first row, rows, block, score column) for every block that rows of the tile attend
  // to.
  template <typename Body>
  void ForBlocks(const Body& body) const {
    for (int64_t block = 0; block < shared_blocks_; ++block) {
      body(int64_t{0}, rows_, group_.shared_blocks[block], block * kBlockPositions);
    }
    int64_t first = 0;
    for (const Segment& segment : tile_.segments) {
      const int64_t count = segment.num_tokens * per_token_;
      const int64_t own = OwnBlocksOf(segment);
      for (int64_t block = 0; block < own; ++block) {
        body(first,
             count,
             segment.run->own_blocks[block],
             (shared_blocks_ + block) * kBlockPositions);
      }
      first += count;
    }
  }

  // Calls body(first row, rows) for parts of the rows that the kernels can process at once.
  template <typename Body>
  void ForKernelRows(int64_t first, int64_t count, const Body& body) const {
    for (int64_t r = first; r < first + count; r += kernels_.max_rows) {
      body(r, static_cast<int>(std::min<int64_t>(kernels_.max_rows, first + count - r)));
    }
  }

  // Calls body(token's row of the input, first row of the tile, position) for every token.
  template <typename Body>
  void ForTokens(const Body& body) const {
    int64_t row = 0;
    for (const Segment& segment : tile_.segments) {
      for (int64_t i = segment.first_token; i < segment.first_token + segment.num_tokens; ++i) {
        body(segment.run->first_row + i, row, segment.run->first_position + i);
        row += per_token_;
      }
    }
  }

  // c[rows, 32] = or += a[rows, depth] times the panel at `panel`.
  void Multiply(int n,
                int64_t depth,
                const float* a,
                int64_t lda,
                int64_t panel,
                float* c,
                int64_t ldc,
                TileEnd::Mode mode) const {
    if (store_.type() == PanelType::kFloat32) {
      const float* b = store_.floats() + panel;
      kernels_.tile(n, depth, a, lda, b, kPanelColumns, c, ldc, {.mode = mode});
    } else {
      kernels_.tile_widened(n, depth, a, lda, store_.bfloats() + panel, c, ldc, {.mode = mode});
    }
  }

  void ScaleQueries() {
    const float scale = 1.0F / std::sqrt(static_cast<float>(width_));
    ForTokens([&](int64_t token, int64_t row, int64_t) {
      const float* q = input_.q + token * input_.q_stride + tile_.head * per_token_ * width_;
      for (int64_t e = 0; e < per_token_ * width_; ++e)
        scratch_.queries[static_cast<size_t>(row * width_ + e)] = q[e] * scale;
    });
  }

  void ScoreKeys() {
    ForBlocks([&](int64_t first, int64_t count, int32_t block, int64_t column) {
      const int64_t keys = store_.KeysAt(layer_, block, tile_.head);
      ForKernelRows(first, count, [&](int64_t r, int n) {
        Multiply(n,
                 width_,
                 scratch_.queries.data() + r * width_,
                 width_,
                 keys,
                 scratch_.scores.data() + r * length_ + column,
                 length_,
                 TileEnd::Mode::kStore);
      });
    });
  }

  // Softmax weights; columns that are not keys of the row count as minus infinity.
  void WeighKeys() {
    const float none = -std::numeric_limits<float>::infinity();
    const int64_t own_start = shared_blocks_ * kBlockPositions;
    const int64_t hole = group_.shared_length % kBlockPositions;  // Of the first own block.
    const int64_t whole = group_.shared_length / kBlockPositions * kBlockPositions;
    ForTokens([&](int64_t, int64_t row, int64_t position) {
      const int64_t own_end = own_start + position - whole + 1;
      const int64_t end = (own_end + kBlockPositions - 1) / kBlockPositions * kBlockPositions;
      for (int64_t r = row; r < row + per_token_; ++r) {
        float* line = scratch_.scores.data() + r * length_;
        std::fill(line + group_.shared_length, line + own_start + hole, none);
        std::fill(line + own_end, line + end, none);
        const float most = kernels_.max(line, end);
        scratch_.inverse[static_cast<size_t>(r)] =
            1.0F / kernels_.exp_in_place(line, end, most, 1.0F);
        std::fill(line + end, line + length_, 0.0F);
      }
    });
  }

  void SumValues() {
    ForBlocks([&](int64_t first, int64_t count, int32_t block, int64_t column) {
      const int64_t values = store_.ValuesAt(layer_, block, tile_.head);
      ForKernelRows(first, count, [&](int64_t r, int n) {
        for (int64_t e = 0; e < value_width_; e += kPanelColumns) {
          Multiply(n,
                   kBlockPositions,
                   scratch_.scores.data() + r * length_ + column,
                   length_,
                   values + e * kBlockPositions,
                   scratch_.sums.data() + r * value_width_ + e,
                   value_width_,
                   TileEnd::Mode::kContinue);
        }
      });
    });
  }

  void Store(float* out) const {
    const int64_t query_heads = store_.shape().query_heads;
    ForTokens([&](int64_t token, int64_t row, int64_t) {
      float* target = out + (token * query_heads + tile_.head * per_token_) * width_;
      for (int64_t r = 0; r < per_token_; ++r) {
        const float* sums = scratch_.sums.data() + (row + r) * value_width_;
        const float inverse = scratch_.inverse[static_cast<size_t>(row + r)];
        for (int64_t e = 0; e < width_; ++e) target[r * width_ + e] = sums[e] * inverse;
      }
    });
  }

  const KernelTable& kernels_ = Kernels();
  PagedKeyValues& store_;
  const int64_t layer_;
  const Tile& tile_;
  const QueryGroup& group_;
  const AttentionInput& input_;
  Scratch& scratch_;
  const int64_t per_token_ = store_.shape().query_heads / store_.shape().kv_heads;
  const int64_t width_ = store_.shape().width;
  const int64_t value_width_ = store_.value_width();
  const int64_t shared_blocks_;
  int64_t rows_;    // Query rows: tokens times heads of the key head.
  int64_t length_;  // Positions that a row of scores has room for.
};

}  // namespace

void PagedKeyValues::Free::operator()(void* memory) const { std::free(memory); }

PagedKeyValues::PagedKeyValues(int64_t num_layers,
                               int64_t num_blocks,
                               const HeadShape& shape,
                               PanelType type)
    : num_layers_(num_layers),
      num_blocks_(num_blocks),
      shape_(shape),
      type_(type),
      value_width_(Padded(shape.width)),
      block_elements_(BlockElements(shape)) {
  CR_CHECK(shape.kv_heads > 0 && shape.query_heads % shape.kv_heads == 0 && shape.width % 2 == 0);
  // Zero pages from the system: memory is allocated when a block is first written, and unwritten
  // keys are finite.
  memory_.reset(std::calloc(static_cast<size_t>(bytes()), 1));
  CR_CHECK(memory_ != nullptr, "no memory for keys and values");
}

int64_t PagedKeyValues::BlockBytes(int64_t num_layers, const HeadShape& shape, PanelType type) {
  return num_layers * BlockElements(shape) * (type == PanelType::kFloat32 ? 4 : 2);
}

int64_t PagedKeyValues::KeysAt(int64_t layer, int64_t block, int64_t head) const {
  return (block * num_layers_ + layer) * block_elements_ + head * kBlockPositions * shape_.width;
}

int64_t PagedKeyValues::ValuesAt(int64_t layer, int64_t block, int64_t head) const {
  return (block * num_layers_ + layer) * block_elements_ +
         shape_.kv_heads * kBlockPositions * shape_.width + head * kBlockPositions * value_width_;
}

AttentionPlan::AttentionPlan(const std::vector<QueryGroup>& groups, const HeadShape& shape) {
  const int64_t per_token = shape.query_heads / shape.kv_heads;
  const int64_t tokens_per_tile = std::max<int64_t>(1, Kernels().max_rows / per_token);
  for (const QueryGroup& group : groups) {
    std::vector<std::vector<Segment>> parts;
    int64_t room = 0;
    for (const QueryRun& run : group.runs) {
      runs_.push_back({.group = &group, .run = &run});
      for (int64_t token = 0; token < run.num_rows;) {
        if (room == 0) {
          parts.emplace_back();
          room = tokens_per_tile;
        }
        const int64_t count = std::min(room, run.num_rows - token);
        parts.back().push_back({.run = &run, .first_token = token, .num_tokens = count});
        token += count;
        room -= count;
      }
    }
    for (int64_t head = 0; head < shape.kv_heads; ++head) {
      for (const std::vector<Segment>& segments : parts) {
        tiles_.push_back({.group = &group, .head = head, .segments = segments});
      }
    }
  }
}

void Attend(PagedKeyValues* store,
            int64_t layer,
            const AttentionPlan& plan,
            const AttentionInput& input,
            float* out) {
  ParallelFor(static_cast<int64_t>(plan.runs().size()), [&](int64_t i) {
    const AttentionPlan::Run& run = plan.runs()[static_cast<size_t>(i)];
    Write(store, layer, *run.group, *run.run, input);
  });
  ParallelFor(static_cast<int64_t>(plan.tiles().size()), [&](int64_t i) {
    static thread_local Scratch scratch;
    TileAttention(store, layer, plan.tiles()[static_cast<size_t>(i)], input, &scratch).Run(out);
  });
}

}  // namespace convrec::kernels
