// The sampler: draws one token per row of logits, on the device that holds them.
//
// On a CPU it uses token_draw.h. On other devices, if all requests want plain sampling, the draw
// happens there and only tokens and log-probabilities are copied to the host; otherwise the logits
// are. Shapes: M rows, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "libs/engine/token_draw.h"

namespace convrec::engine {

std::vector<Draw> DrawTokens(const at::Tensor& logits_MV, const std::vector<DrawRequest>& requests);

// Plain sampling: temperature above 0, every token legal, nothing left out. DrawPlainTokens() is
// the code path of other devices and works on any device.
bool IsPlain(const DrawRequest& request);
std::vector<Draw> DrawPlainTokens(const at::Tensor& logits_MV,
                                  const std::vector<DrawRequest>& requests);

}  // namespace convrec::engine
