// The global norm of all gradients.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "libs/model/decoder.h"

namespace convrec::learner {

// 2-norm over all gradients as one vector; not finite if any gradient is not. Accumulates in the
// gradients' type per parameter and in double across parameters. Waits for the device.
double GradNorm(const std::vector<model::NamedTensor>& parameters);

// Scales the gradients so that their norm, given as `norm`, becomes at most `max_norm`.
void ClipGradients(const std::vector<model::NamedTensor>& parameters, double norm, double max_norm);

}  // namespace convrec::learner
