// Head, log-softmax, gather and entropy in one differentiable step that never holds [M, V] logits.
// Shapes: M rows, D model width, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

#include "libs/model/row_support.h"

namespace convrec::model {

struct LogprobResult {
  at::Tensor logprob_M;  // float32 log-probability of target_M under softmax(logits / temperature).
  at::Tensor entropy_M;  // float32 entropy of that distribution in nats, also differentiable.
};

// Rows are processed `chunk_rows` at a time (0 = chosen; on the CPU all rows at once, by blocks of
// the vocabulary); the backward pass recomputes the logits. Differentiable in hidden_MD and
// head_VD.
LogprobResult ChunkedLogprob(const at::Tensor& hidden_MD,
                             const at::Tensor& head_VD,
                             const at::Tensor& target_M,
                             double temperature,
                             int64_t chunk_rows = 0);

// The softmax of row m is over support.row(m) only, as for tokens drawn under a constraint. A row
// with one legal id has log-probability, entropy and gradient 0 and costs nothing. A row with few
// legal ids costs their rows of the head instead of the whole head.
LogprobResult ChunkedLogprob(const at::Tensor& hidden_MD,
                             const at::Tensor& head_VD,
                             const at::Tensor& target_M,
                             double temperature,
                             const RowSupport& support,
                             int64_t chunk_rows = 0);

}  // namespace convrec::model
