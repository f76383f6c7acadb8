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

void AttendTile(PagedKeyValues* store,
                int64_t layer,
                const Tile& tile,
                const AttentionInput& input,
                Scratch* scratch,
                float* out) {
  const KernelTable& kernels = Kernels();
  const HeadShape& shape = store->shape();
  const QueryGroup& group = *tile.group;
  const int64_t per_token = shape.query_heads / shape.kv_heads, width = shape.width;
  const int64_t value_width = store->value_width();
  const float scale = 1.0F / std::sqrt(static_cast<float>(width));
  const float none = -std::numeric_limits<float>::infinity();

  const int64_t shared_blocks = (group.shared_length + kBlockPositions - 1) / kBlockPositions;
  int64_t tokens = 0, most_own = 0;
  for (const Segment& segment : tile.segments) {
    tokens += segment.num_tokens;
    most_own = std::max(
        most_own,
        OwnBlocks(group.shared_length,
                  segment.run->first_position + segment.first_token + segment.num_tokens - 1));
  }
  const int64_t rows = tokens * per_token;
  const int64_t length = (shared_blocks + most_own) * kBlockPositions;
  scratch->queries.resize(static_cast<size_t>(rows * width));
  scratch->scores.resize(static_cast<size_t>(rows * length));
  scratch->sums.assign(static_cast<size_t>(rows * value_width), 0.0F);

  int64_t row = 0;
  for (const Segment& segment : tile.segments) {
    for (int64_t i = 0; i < segment.num_tokens; ++i) {
      const float* q = input.q +
                       (segment.run->first_row + segment.first_token + i) * input.q_stride +
                       tile.head * per_token * width;
      for (int64_t e = 0; e < per_token * width; ++e)
        scratch->queries[static_cast<size_t>(row * width + e)] = q[e] * scale;
      row += per_token;
    }
  }

  // Calls body(first row, rows, block, score column) for every block that rows of the tile meet;
  // rows of one call are at most what the kernels take.
  const auto for_blocks = [&](const auto& body) {
    for (int64_t block = 0; block < shared_blocks; ++block) {
      body(int64_t{0}, rows, group.shared_blocks[block], block * kBlockPositions);
    }
    int64_t first = 0;
    for (const Segment& segment : tile.segments) {
      const int64_t last_position =
          segment.run->first_position + segment.first_token + segment.num_tokens - 1;
      const int64_t count = segment.num_tokens * per_token;
      const int64_t own = OwnBlocks(group.shared_length, last_position);
      for (int64_t block = 0; block < own; ++block) {
        body(first,
             count,
             segment.run->own_blocks[block],
             (shared_blocks + block) * kBlockPositions);
      }
      first += count;
    }
  };
  const auto for_tiles = [&](int64_t first, int64_t count, const auto& body) {
    for (int64_t r = first; r < first + count; r += kernels.max_rows) {
      body(r, static_cast<int>(std::min<int64_t>(kernels.max_rows, first + count - r)));
    }
  };

  // c[rows, 32] = or += a[rows, depth] times the panel at `panel`.
  const auto multiply = [&](int n,
                            int64_t depth,
                            const float* a,
                            int64_t lda,
                            int64_t panel,
                            float* c,
                            int64_t ldc,
                            TileEnd::Mode mode) {
    if (store->type() == PanelType::kFloat32) {
      kernels.tile(
          n, depth, a, lda, store->floats() + panel, kPanelColumns, c, ldc, {.mode = mode});
    } else {
      kernels.tile_widened(n, depth, a, lda, store->bfloats() + panel, c, ldc, {.mode = mode});
    }
  };

  for_blocks([&](int64_t first, int64_t count, int32_t block, int64_t column) {
    const int64_t keys = store->KeysAt(layer, block, tile.head);
    for_tiles(first, count, [&](int64_t r, int n) {
      multiply(n,
               width,
               scratch->queries.data() + r * width,
               width,
               keys,
               scratch->scores.data() + r * length + column,
               length,
               TileEnd::Mode::kStore);
    });
  });

  // Softmax weights: columns without a key of the row count as minus infinity.
  row = 0;
  std::vector<float>& scores = scratch->scores;
  std::vector<float>& inverse = scratch->inverse;
  inverse.resize(static_cast<size_t>(rows));
  for (const Segment& segment : tile.segments) {
    for (int64_t i = 0; i < segment.num_tokens; ++i) {
      const int64_t position = segment.run->first_position + segment.first_token + i;
      const int64_t own_start = shared_blocks * kBlockPositions;
      const int64_t hole = group.shared_length % kBlockPositions;  // Of the first own block.
      const int64_t own_end =
          own_start + position - group.shared_length / kBlockPositions * kBlockPositions + 1;
      const int64_t end = (own_end + kBlockPositions - 1) / kBlockPositions * kBlockPositions;
      for (int64_t r = 0; r < per_token; ++r, ++row) {
        float* line = scores.data() + row * length;
        std::fill(line + group.shared_length, line + own_start + hole, none);
        std::fill(line + own_end, line + end, none);
        const float most = kernels.max(line, end);
        inverse[static_cast<size_t>(row)] = 1.0F / kernels.exp_in_place(line, end, most, 1.0F);
        std::fill(line + end, line + length, 0.0F);
      }
    }
  }

  for_blocks([&](int64_t first, int64_t count, int32_t block, int64_t column) {
    const int64_t values = store->ValuesAt(layer, block, tile.head);
    for_tiles(first, count, [&](int64_t r, int n) {
      for (int64_t e = 0; e < value_width; e += kPanelColumns) {
        multiply(n,
                 kBlockPositions,
                 scratch->scores.data() + r * length + column,
                 length,
                 values + e * kBlockPositions,
                 scratch->sums.data() + r * value_width + e,
                 value_width,
                 TileEnd::Mode::kContinue);
      }
    });
  });

  row = 0;
  for (const Segment& segment : tile.segments) {
    for (int64_t i = 0; i < segment.num_tokens; ++i) {
      float* target =
          out + ((segment.run->first_row + segment.first_token + i) * shape.query_heads +
                 tile.head * per_token) *
                    width;
      for (int64_t r = 0; r < per_token; ++r, ++row) {
        const float* sums = scratch->sums.data() + row * value_width;
        for (int64_t e = 0; e < width; ++e)
          target[r * width + e] = sums[e] * inverse[static_cast<size_t>(row)];
      }
    }
  }
}

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
  // Zero pages of the system: memory is taken when a block is first written, and unwritten keys are
  // finite.
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
    AttendTile(store, layer, plan.tiles()[static_cast<size_t>(i)], input, &scratch, out);
  });
}

}  // namespace convrec::kernels
