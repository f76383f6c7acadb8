// AdamW with PyTorch's bias correction, over the float32 parameters of a decoder.
//
// Owns the moments; the parameters belong to the decoder. One fused pass over parameter, gradient
// and moments (at::_fused_adamw_). Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "libs/model/decoder.h"

namespace convrec::learner {

// Elements [begin, begin + size) of a moment of a parameter.
struct MomentPiece {
  std::string name;  // kMoments[i] + name of the parameter.
  int64_t begin = 0;
  int64_t size = 0;
  at::Tensor values_N;  // Flat; undefined if the piece only describes a place.
};
inline constexpr const char* kMoments[] = {"exp_avg.", "exp_avg_sq."};

class AdamW final {
 public:
  struct Options {
    double beta1 = 0.9;
    double beta2 = 0.99;
    double epsilon = 1e-8;
    double weight_decay = 0;  // Applied to every parameter.
  };

  // Keeps handles of `parameters`, which are float32 leaves on one device.
  AdamW(const Options& options, const std::vector<model::NamedTensor>& parameters);

  const std::vector<model::NamedTensor>& parameters() const { return parameters_; }

  // Clears the gradients; their memory is kept for the next backward pass.
  void ZeroGradients();

  // One update with the gradients of the parameters (a missing gradient is zero); counts a step.
  void Step(double learning_rate);

  int64_t num_steps() const { return num_steps_; }

  // Both moments of every parameter, sharing memory with the optimizer. To restore a state, write
  // into these pieces and set the number of steps.
  std::vector<MomentPiece> Moments() const;
  void SetNumSteps(int64_t num_steps) { num_steps_ = num_steps; }

 private:
  const Options options_;
  std::vector<model::NamedTensor> parameters_;
  std::vector<at::Tensor> exp_avg_;
  std::vector<at::Tensor> exp_avg_sq_;
  int64_t num_steps_ = 0;
};

}  // namespace convrec::learner
