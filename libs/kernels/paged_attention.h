// Causal attention over keys and values that are stored in blocks of 32 positions.
//
// A step's tokens come in groups: prompts and, for each prompt that siblings share, the siblings'
// own tokens. Keys of the shared part are read once for all siblings. Blocks are aligned to
// absolute positions: position p is at p % 32 of its block, so a sibling whose prompt ends inside a
// block begins its own first block at the same offset. A query's result depends only on its own
// keys and values, in the order of their positions, so sharing, batching and chunking do not change
// a bit. Shapes: M tokens of the step, H query heads, K key/value heads, E head width, V padded
// head width.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "libs/kernels/panel_matrix.h"

namespace convrec::kernels {

constexpr int64_t kBlockPositions = 32;

struct HeadShape {
  int64_t query_heads = 0;
  int64_t kv_heads = 0;
  int64_t width = 0;  // E, even.
};

// Keys and values of every layer in `num_blocks` blocks, float32 or bfloat16; products and sums are
// float32. The keys of a block and head are a panel of depth E whose columns are the 32 positions.
// The values are one panel of depth 32 for every 32 of the V columns. bfloat16 panels hold pairs,
// as in PanelMatrix. One writer; Attend reads.
class PagedKeyValues final {
 public:
  PagedKeyValues(int64_t num_layers, int64_t num_blocks, const HeadShape& shape, PanelType type);

  const HeadShape& shape() const { return shape_; }
  PanelType type() const { return type_; }
  int64_t bytes() const { return num_blocks_ * BlockBytes(num_layers_, shape_, type_); }
  static int64_t BlockBytes(int64_t num_layers, const HeadShape& shape, PanelType type);

  // Width of values, padded to whole panels of columns.
  int64_t value_width() const { return value_width_; }
  // Element offsets of a head's keys and values.
  int64_t KeysAt(int64_t layer, int64_t block, int64_t head) const;
  int64_t ValuesAt(int64_t layer, int64_t block, int64_t head) const;
  float* floats() { return static_cast<float*>(memory_.get()); }
  uint16_t* bfloats() { return static_cast<uint16_t*>(memory_.get()); }

 private:
  struct Free {
    void operator()(void* memory) const;
  };
  const int64_t num_layers_;
  const int64_t num_blocks_;
  const HeadShape shape_;
  const PanelType type_;
  const int64_t value_width_;
  const int64_t block_elements_;  // Elements of one layer and block.
  std::unique_ptr<void, Free> memory_;
};

// Consecutive tokens of one sequence within a step.
struct QueryRun {
  int64_t first_row = 0;  // Row of the first token in the step.
  int64_t num_rows = 0;
  int64_t first_position = 0;  // Its absolute position.
  // Blocks of the positions from the group's shared_length on; own_blocks[0] is the block that
  // holds position shared_length.
  const int32_t* own_blocks = nullptr;
};

// Runs that share the keys of positions 0..shared_length-1.
struct QueryGroup {
  const int32_t* shared_blocks = nullptr;
  int64_t shared_length = 0;
  std::vector<QueryRun> runs;
};

// How the work of a step is divided. It is the same for every layer, so it is computed once. Points
// into the groups, which must stay unchanged while it is in use.
class AttentionPlan final {
 public:
  AttentionPlan(const std::vector<QueryGroup>& groups, const HeadShape& shape);

  // A part of a run, within one tile.
  struct Segment {
    const QueryRun* run = nullptr;
    int64_t first_token = 0;  // Token of the run.
    int64_t num_tokens = 0;
  };
  // Tokens whose queries are multiplied together, for one key/value head.
  struct Tile {
    const QueryGroup* group = nullptr;
    int64_t head = 0;
    std::vector<Segment> segments;
  };
  struct Run {
    const QueryGroup* group = nullptr;
    const QueryRun* run = nullptr;
  };

  const std::vector<Run>& runs() const { return runs_; }
  const std::vector<Tile>& tiles() const { return tiles_; }

 private:
  std::vector<Run> runs_;
  std::vector<Tile> tiles_;
};

// Writes the keys and values of the step's tokens into the runs' own blocks, then attends; q is
// scaled here. Rows of q are `q_stride` floats apart and hold [H, E]; the same for k and v with K
// heads. out is [M, H, E].
struct AttentionInput {
  const float* q = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
  int64_t q_stride = 0;
  int64_t k_stride = 0;
  int64_t v_stride = 0;
};
void Attend(PagedKeyValues* store,
            int64_t layer,
            const AttentionPlan& plan,
            const AttentionInput& input,
            float* out_MHE);

}  // namespace convrec::kernels
