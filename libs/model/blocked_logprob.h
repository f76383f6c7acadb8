// ChunkedLogprob() of whole rows on the CPU, by blocks of the vocabulary. The head is read once per
// pass, its gradient is written once, and at most one block of logits is held. Internal to this
// folder.
#pragma once

#include <ATen/core/Tensor.h>

#include "libs/model/chunked_logprob.h"

namespace convrec::model {

// Differentiable in hidden_MD and head_VD; float32 on the CPU.
LogprobResult BlockedLogprob(const at::Tensor& hidden_MD,
                             const at::Tensor& head_VD,
                             const at::Tensor& target_M,
                             double temperature);

}  // namespace convrec::model
