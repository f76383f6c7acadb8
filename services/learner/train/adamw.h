// AdamW over the float32 parameters of a decoder, with PyTorch's bias correction.
//
// Owns the moments; the parameters belong to the decoder. One fused pass over parameter, gradient
// and moments (at::_fused_adamw_). Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "libs/model/decoder.h"

namespace convrec::learner {

// What AdamW knows of the past, as a checkpoint keeps it.
struct OptimizerState {
  std::vector<model::NamedTensor> moments;  // As AdamW::State() names them.
  int64_t num_steps = 0;
};

// InvalidArgument unless `state` has both moments of every parameter, with its shape, and nothing
// else.
absl::Status CheckAdamWState(const std::vector<model::NamedTensor>& state,
                             const std::vector<model::NamedTensor>& parameters);

class AdamW final {
 public:
  struct Options {
    double beta1 = 0.9;
    double beta2 = 0.99;
    double epsilon = 1e-8;
    double weight_decay = 0;  // Applied to every parameter.
  };

  // Handles of `parameters` are kept; they are float32 leaves on one device.
  AdamW(const Options& options, const std::vector<model::NamedTensor>& parameters);

  const std::vector<model::NamedTensor>& parameters() const { return parameters_; }

  // Clears the gradients; memory is kept for the next backward pass.
  void ZeroGradients();

  // One update with the gradients of the parameters (none = zero); counts a step.
  void Step(double learning_rate);

  int64_t num_steps() const { return num_steps_; }

  // "exp_avg.<parameter>" and "exp_avg_sq.<parameter>", sharing memory with the optimizer.
  std::vector<model::NamedTensor> State() const;
  // The same as copies in host memory.
  std::vector<model::NamedTensor> HostState() const;

  // Copies a state of the same names and shapes in. InvalidArgument names what is missing, and then
  // nothing has changed.
  absl::Status LoadState(const std::vector<model::NamedTensor>& state, int64_t num_steps);

 private:
  const Options options_;
  std::vector<model::NamedTensor> parameters_;
  std::vector<at::Tensor> exp_avg_;
  std::vector<at::Tensor> exp_avg_sq_;
  int64_t num_steps_ = 0;
};

}  // namespace convrec::learner
