#include "libs/kernels/group_attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "libs/base/check.h"
#include "libs/kernels/parallel.h"

// Shapes: R = H / K query heads of one key head, N keys of a group's prompt and longest completion,
// each rounded up to whole panels, W the head width rounded up, U keys that a block of queries
// sees, rounded up.
namespace convrec::kernels {
namespace {

constexpr int64_t kBlockScores = 128 * 1024;  // Of a block of queries.
constexpr int64_t kBlockTokens = 64;
constexpr float kHidden = -std::numeric_limits<float>::infinity();

int64_t WholePanels(int64_t n) { return (n + kPanelColumns - 1) / kPanelColumns * kPanelColumns; }

float* Take(std::vector<float>* memory, int64_t size) {
  if (memory->size() < static_cast<size_t>(size)) memory->resize(static_cast<size_t>(size));
  return memory->data();
}

// Tokens that share their keys: a prompt, or one completion after its prompt.
struct Segment {
  int64_t first = 0;  // Row of its first token.
  int64_t count = 0;
  int64_t prompt = 0;  // Keys of the prompt before its own; 0 for the prompt itself.
  int64_t own = 0;     // Place of its own first key.
};

// Keys or values of one head: as rows [N, W], and as panels [N / 32, E, 32] for products with the
// transpose.
struct KeyStore {
  std::vector<float> row_memory, panel_memory;
  float* rows_NW = nullptr;
  float* panels = nullptr;
};

// The work of one group and key head; a thread reuses it for its next ones.
class HeadTask {
 public:
  void Forward(const AttentionGroup& group,
               const AttentionHeads& heads,
               int64_t key_head,
               const AttentionInputs& inputs,
               float* out,
               float* normalizer,
               const KernelTable& kernels) {
    Begin(group, heads, key_head, inputs, kernels, /*has_gradients=*/false);
    ForSegments(group, [&](const Segment& segment) {
      LoadKeys(segment);
      for (int64_t t = 0; t < segment.count; t += block_tokens_) {
        const int64_t tokens = std::min(block_tokens_, segment.count - t);
        const int64_t seen = Scores(segment, t, tokens);
        for (int64_t row = 0; row < tokens * ratio_; ++row) {
          float* score = scores_ + row * capacity_;
          const float most = kernels_->max(score, seen);
          const float sum = kernels_->exp_in_place(score, seen, most, scale_);
          sums_[static_cast<size_t>(row)] = sum;
          if (normalizer != nullptr)
            normalizer[Head(segment, t, row)] = most * scale_ + std::log(sum);
        }
        float* result = Take(&result_memory_, tokens * ratio_ * padded_width_);
        Tiles(tokens * ratio_, seen, scores_, capacity_, values_.rows_NW, result);
        for (int64_t row = 0; row < tokens * ratio_; ++row) {
          const float factor = 1.0F / sums_[static_cast<size_t>(row)];
          float* target = out + Head(segment, t, row) * width_;
          const float* from = result + row * padded_width_;
          for (int64_t e = 0; e < width_; ++e) target[e] = from[e] * factor;
        }
      }
    });
  }

  void Backward(const AttentionGroup& group,
                const AttentionHeads& heads,
                int64_t key_head,
                const AttentionInputs& inputs,
                const float* out,
                const float* normalizer,
                const float* gradient,
                const AttentionGradients& gradients,
                const KernelTable& kernels) {
    Begin(group, heads, key_head, inputs, kernels, /*has_gradients=*/true);
    key_gradient_ = Take(&key_gradient_memory_, capacity_ * padded_width_);
    value_gradient_ = Take(&value_gradient_memory_, capacity_ * padded_width_);
    std::fill_n(key_gradient_, capacity_ * padded_width_, 0.0F);
    std::fill_n(value_gradient_, capacity_ * padded_width_, 0.0F);
    Segment prompt;
    ForSegments(group, [&](const Segment& segment) {
      LoadKeys(segment);
      for (int64_t t = 0; t < segment.count; t += block_tokens_) {
        BackwardBlock(segment,
                      t,
                      std::min(block_tokens_, segment.count - t),
                      out,
                      normalizer,
                      gradient,
                      gradients);
      }
      if (segment.own == 0) {
        prompt = segment;
      } else {
        StoreGradients(segment, gradients);
      }
    });
    StoreGradients(prompt, gradients);
  }

 private:
  void Begin(const AttentionGroup& group,
             const AttentionHeads& heads,
             int64_t key_head,
             const AttentionInputs& inputs,
             const KernelTable& kernels,
             bool has_gradients) {
    kernels_ = &kernels;
    inputs_ = &inputs;
    key_head_ = key_head;
    num_heads_ = heads.queries;
    ratio_ = heads.queries / heads.keys;
    width_ = heads.width;
    padded_width_ = WholePanels(width_);
    scale_ = 1.0F / std::sqrt(static_cast<float>(width_));
    has_gradients_ = has_gradients;
    int64_t longest = 0;
    for (const int64_t count : group.completions) longest = std::max(longest, count);
    capacity_ = WholePanels(group.prompt) + WholePanels(longest);
    block_tokens_ = std::clamp<int64_t>(kBlockScores / (ratio_ * capacity_), 1, kBlockTokens);
    const int64_t rows = block_tokens_ * ratio_;
    queries_ = Take(&query_memory_, rows * padded_width_);
    scores_ = Take(&score_memory_, rows * capacity_);
    sums_.resize(static_cast<size_t>(rows));
    for (KeyStore* store : {&keys_, &values_}) {
      store->rows_NW = Take(&store->row_memory, capacity_ * padded_width_);
      store->panels = Take(&store->panel_memory, capacity_ * width_);
    }
    if (!has_gradients) return;
    out_gradients_ = Take(&out_gradient_memory_, rows * padded_width_);
    score_gradients_ = Take(&score_gradient_memory_, rows * capacity_);
  }

  template <typename Body>
  static void ForSegments(const AttentionGroup& group, const Body& body) {
    body(Segment{.first = group.first, .count = group.prompt});
    int64_t first = group.first + group.prompt;
    for (const int64_t count : group.completions) {
      if (count > 0)
        body(Segment{.first = first,
                     .count = count,
                     .prompt = group.prompt,
                     .own = WholePanels(group.prompt)});
      first += count;
    }
  }

  // Index of a head of a token: row `row` of the block that begins at token `t`.
  int64_t Head(const Segment& segment, int64_t t, int64_t row) const {
    return (segment.first + t + row / ratio_) * num_heads_ + key_head_ * ratio_ + row % ratio_;
  }

  void LoadKeys(const Segment& segment) {
    // Scores read keys by panels and outputs read values by rows; gradients read the other form of
    // both.
    Load(segment, inputs_->k_MKE, has_gradients_, true, &keys_);
    Load(segment, inputs_->v_MKE, true, has_gradients_, &values_);
  }

  void Load(const Segment& segment,
            const HeadRows<const float>& source,
            bool as_rows,
            bool as_panels,
            KeyStore* store) {
    for (int64_t i = 0; i < WholePanels(segment.count); ++i) {
      const int64_t place = segment.own + i;
      const bool is_real = i < segment.count;
      const float* from =
          is_real ? source.data + (segment.first + i) * source.stride + key_head_ * width_
                  : nullptr;
      if (as_rows) {
        float* row = store->rows_NW + place * padded_width_;
        std::fill_n(row, padded_width_, 0.0F);
        if (is_real) std::memcpy(row, from, static_cast<size_t>(width_) * sizeof(float));
      }
      if (!as_panels) continue;
      float* lane =
          store->panels + place / kPanelColumns * kPanelColumns * width_ + place % kPanelColumns;
      for (int64_t e = 0; e < width_; ++e) lane[e * kPanelColumns] = is_real ? from[e] : 0.0F;
    }
  }

  // The heads of this task of tokens [t, t + tokens) of rows [M, H, E], one after the other in
  // [rows, W].
  void Gather(const Segment& segment,
              int64_t t,
              int64_t tokens,
              const HeadRows<const float>& source,
              float* rows) const {
    for (int64_t row = 0; row < tokens * ratio_; ++row) {
      const float* from = source.data + (segment.first + t + row / ratio_) * source.stride +
                          (key_head_ * ratio_ + row % ratio_) * width_;
      std::memcpy(rows + row * padded_width_, from, static_cast<size_t>(width_) * sizeof(float));
    }
  }

  // c [rows, W] = a [rows, depth] times b [depth, W]; or added to c, with a by columns.
  void Tiles(
      int64_t rows, int64_t depth, const float* a, int64_t lda, const float* b, float* c) const {
    for (int64_t column = 0; column < padded_width_; column += kPanelColumns) {
      ForTiles(rows, [&](int64_t first, int count) {
        kernels_->tile(count,
                       depth,
                       a + first * lda,
                       lda,
                       b + column,
                       padded_width_,
                       c + first * padded_width_ + column,
                       padded_width_,
                       {});
      });
    }
  }
  void AddTransposedTiles(
      int64_t rows, int64_t depth, const float* a, int64_t lda, const float* b, float* c) const {
    for (int64_t column = 0; column < padded_width_; column += kPanelColumns) {
      ForTiles(rows, [&](int64_t first, int count) {
        kernels_->tile_by_columns(count,
                                  depth,
                                  a + first,
                                  lda,
                                  b + column,
                                  padded_width_,
                                  c + first * padded_width_ + column,
                                  padded_width_,
                                  {.mode = TileEnd::Mode::kContinue});
      });
    }
  }

  // c [rows, N], its first `columns` columns = a [rows, E] times panels.
  void PanelTiles(
      int64_t rows, int64_t columns, const float* a, const float* panels, float* c) const {
    for (int64_t column = 0; column < columns; column += kPanelColumns) {
      ForTiles(rows, [&](int64_t first, int count) {
        kernels_->tile(count,
                       width_,
                       a + first * padded_width_,
                       padded_width_,
                       panels + column * width_,
                       kPanelColumns,
                       c + first * capacity_ + column,
                       capacity_,
                       {});
      });
    }
  }

  template <typename Body>
  void ForTiles(int64_t rows, const Body& body) const {
    const int64_t num_tiles = (rows + kernels_->max_rows - 1) / kernels_->max_rows;
    for (int64_t tile = 0; tile < num_tiles; ++tile) {
      const int64_t first = rows * tile / num_tiles;
      body(first, static_cast<int>(rows * (tile + 1) / num_tiles - first));
    }
  }

  // Scores of tokens [t, t + tokens), minus infinity where a token sees nothing. Returns U.
  int64_t Scores(const Segment& segment, int64_t t, int64_t tokens) {
    Gather(segment, t, tokens, inputs_->q_MHE, queries_);
    const int64_t seen = segment.own + WholePanels(t + tokens);
    PanelTiles(tokens * ratio_, seen, queries_, keys_.panels, scores_);
    for (int64_t row = 0; row < tokens * ratio_; ++row) {
      float* score = scores_ + row * capacity_;
      std::fill(score + segment.prompt, score + segment.own, kHidden);
      std::fill(score + segment.own + t + row / ratio_ + 1, score + seen, kHidden);
    }
    return seen;
  }

  void BackwardBlock(const Segment& segment,
                     int64_t t,
                     int64_t tokens,
                     const float* out,
                     const float* normalizer,
                     const float* gradient,
                     const AttentionGradients& gradients) {
    const int64_t rows = tokens * ratio_, seen = Scores(segment, t, tokens);
    Gather(segment, t, tokens, {gradient, num_heads_ * width_}, out_gradients_);
    PanelTiles(rows, seen, out_gradients_, values_.panels, score_gradients_);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t head = Head(segment, t, row);
      kernels_->exp_in_place(scores_ + row * capacity_, seen, normalizer[head] / scale_, scale_);
      float mean = 0;
      for (int64_t e = 0; e < width_; ++e)
        mean += gradient[head * width_ + e] * out[head * width_ + e];
      kernels_->score_gradient(
          scores_ + row * capacity_, seen, mean, scale_, score_gradients_ + row * capacity_);
    }
    AddTransposedTiles(seen, rows, score_gradients_, capacity_, queries_, key_gradient_);
    AddTransposedTiles(seen, rows, scores_, capacity_, out_gradients_, value_gradient_);
    float* result = Take(&result_memory_, rows * padded_width_);
    Tiles(rows, seen, score_gradients_, capacity_, keys_.rows_NW, result);
    for (int64_t row = 0; row < rows; ++row) {
      float* target = gradients.q_MHE.data +
                      (segment.first + t + row / ratio_) * gradients.q_MHE.stride +
                      (key_head_ * ratio_ + row % ratio_) * width_;
      std::memcpy(
          target, result + row * padded_width_, static_cast<size_t>(width_) * sizeof(float));
    }
  }

  // Stores a segment's own sums and clears them for the next one.
  void StoreGradients(const Segment& segment, const AttentionGradients& gradients) {
    const auto store = [&](float* sums, const HeadRows<float>& target) {
      float* own = sums + segment.own * padded_width_;
      for (int64_t i = 0; i < segment.count; ++i) {
        std::memcpy(target.data + (segment.first + i) * target.stride + key_head_ * width_,
                    own + i * padded_width_,
                    static_cast<size_t>(width_) * sizeof(float));
      }
      std::fill_n(own, WholePanels(segment.count) * padded_width_, 0.0F);
    };
    store(key_gradient_, gradients.k_MKE);
    store(value_gradient_, gradients.v_MKE);
  }

  const KernelTable* kernels_ = nullptr;
  const AttentionInputs* inputs_ = nullptr;
  int64_t key_head_ = 0, num_heads_ = 0, ratio_ = 1, width_ = 0, padded_width_ = 0, capacity_ = 0,
          block_tokens_ = 0;
  float scale_ = 1;
  bool has_gradients_ = false;
  KeyStore keys_, values_;
  std::vector<float> sums_;
  std::vector<float> query_memory_, score_memory_, result_memory_, out_gradient_memory_,
      score_gradient_memory_, key_gradient_memory_, value_gradient_memory_;
  float* queries_ = nullptr;          // [rows, W]
  float* scores_ = nullptr;           // [rows, N]
  float* out_gradients_ = nullptr;    // [rows, W]
  float* score_gradients_ = nullptr;  // [rows, N]
  float* key_gradient_ = nullptr;     // [N, W]
  float* value_gradient_ = nullptr;   // [N, W]
};

template <typename Body>
void ForTasks(const std::vector<AttentionGroup>& groups,
              const AttentionHeads& heads,
              const Body& body) {
  CR_CHECK(heads.keys > 0 && heads.queries % heads.keys == 0);
  ParallelFor(static_cast<int64_t>(groups.size()) * heads.keys, [&](int64_t i) {
    static thread_local HeadTask task;
    body(&task, groups[static_cast<size_t>(i / heads.keys)], i % heads.keys);
  });
}

}  // namespace

void GroupAttentionForward(const std::vector<AttentionGroup>& groups,
                           const AttentionHeads& heads,
                           const AttentionInputs& inputs,
                           float* out,
                           float* normalizer,
                           const KernelTable& kernels) {
  ForTasks(groups, heads, [&](HeadTask* task, const AttentionGroup& group, int64_t key_head) {
    task->Forward(group, heads, key_head, inputs, out, normalizer, kernels);
  });
}

void GroupAttentionBackward(const std::vector<AttentionGroup>& groups,
                            const AttentionHeads& heads,
                            const AttentionInputs& inputs,
                            const float* out,
                            const float* normalizer,
                            const float* gradient,
                            const AttentionGradients& gradients,
                            const KernelTable& kernels) {
  ForTasks(groups, heads, [&](HeadTask* task, const AttentionGroup& group, int64_t key_head) {
    task->Backward(group, heads, key_head, inputs, out, normalizer, gradient, gradients, kernels);
  });
}

}  // namespace convrec::kernels
