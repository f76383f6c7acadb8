#include "libs/model/rotary.h"

#include <torch/types.h>

#include <numbers>

namespace convrec::model {
namespace {

// Long waves are slowed by `factor`, short ones kept, those between blended (Llama 3.1).
at::Tensor ScaleLlama3(const at::Tensor& frequencies, const Llama3RopeScaling& scaling) {
  const double context = static_cast<double>(scaling.original_max_position_embeddings);
  const at::Tensor wavelength = 2 * std::numbers::pi / frequencies;
  const at::Tensor smooth = (context / wavelength - scaling.low_freq_factor) /
                            (scaling.high_freq_factor - scaling.low_freq_factor);
  const at::Tensor slowed = frequencies / scaling.factor;
  const at::Tensor blended = (1 - smooth) * slowed + smooth * frequencies;
  const at::Tensor is_long = wavelength > context / scaling.low_freq_factor;
  const at::Tensor is_short = wavelength < context / scaling.high_freq_factor;
  return at::where(is_long, slowed, at::where(is_short, frequencies, blended));
}

}  // namespace

at::Tensor RotaryFrequencies(const ModelConfig& config) {
  const at::Tensor exponents = at::arange(0, config.head_dim, 2, at::kLong).to(at::kFloat) /
                               static_cast<double>(config.head_dim);
  at::Tensor frequencies = 1.0 / at::pow(config.rope_theta, exponents);
  if (config.rope_scaling.has_value()) return ScaleLlama3(frequencies, *config.rope_scaling);
  if (config.rope_linear_factor != 1.0) frequencies = frequencies / config.rope_linear_factor;
  return frequencies;
}

Rotation MakeRotation(const at::Tensor& positions_M, const at::Tensor& frequencies) {
  const at::Tensor angles = positions_M.to(at::kFloat).view({-1, 1, 1}) * frequencies;
  const at::Tensor sin = at::sin(angles);
  const at::Tensor cos = at::cos(angles);
  return {at::cat({cos, cos}, -1), at::cat({-sin, sin}, -1)};
}

at::Tensor Rotate(const at::Tensor& x_MHE, const Rotation& rotation) {
  const at::Tensor swapped = at::roll(x_MHE, x_MHE.size(-1) / 2, -1);
  return at::addcmul(x_MHE * rotation.cos_M1E, swapped, rotation.sin_M1E);
}

}  // namespace convrec::model
