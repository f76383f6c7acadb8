// How ChunkedLogprob() divides its rows. Internal to this folder.
// Shapes: M rows, R rows of a chunk, S the most legal ids of one row, D model width, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <vector>

#include "libs/model/row_support.h"

namespace convrec::model {

struct LogprobChunk {
  // Rows [first, first + count), or those in rows_R if that is defined.
  int64_t first = 0;
  int64_t count = 0;
  at::Tensor rows_R;
  // Undefined = the whole vocabulary. Short rows are padded with repetitions of an id.
  at::Tensor support_RS;
  at::Tensor is_padding_RS;
  at::Tensor target_R;  // Column of the target: an id, or its index in support_RS.
  // The logits come from the head's rows in support_RS, not from the whole head.
  bool gathers_head = false;
};

// Rows that need computing; a row with a single legal id is in no chunk. A holder, so that it can
// be kept between a forward and its backward pass.
struct LogprobChunks final : torch::CustomClassHolder {
  std::vector<LogprobChunk> chunks;
  bool covers_all_rows = true;
};

c10::intrusive_ptr<LogprobChunks> ChunksOf(const at::Tensor& target_M,
                                           int64_t width,
                                           int64_t vocabulary,
                                           const RowSupport* support,  // nullptr: the whole
                                                                       // vocabulary for all rows.
                                           int64_t chunk_rows);

}  // namespace convrec::model
