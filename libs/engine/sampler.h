// Draws one token per row of logits on whatever device they are.
//
// On a CPU by token_draw.h. On other devices, where all requests want plain sampling, the draw
// happens there and only tokens and log-probabilities come back; other requests bring their logits
// to the host. Shapes: M rows, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "libs/engine/token_draw.h"

namespace convrec::engine {

std::vector<Draw> DrawTokens(const at::Tensor& logits_MV, const std::vector<DrawRequest>& requests);

// The way of other devices, on any: temperature above 0, every token legal, nothing left out.
bool IsPlain(const DrawRequest& request);
std::vector<Draw> DrawPlainTokens(const at::Tensor& logits_MV,
                                  const std::vector<DrawRequest>& requests);

}  // namespace convrec::engine
