#include "libs/model/rotary.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "libs/kernels/pointwise.h"

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

// The pair of a head's width whose wave turns `turns` times in the original context.
double YarnBound(const ModelConfig& config, const YarnRopeScaling& scaling, double turns) {
  const double context = static_cast<double>(scaling.original_max_position_embeddings);
  return static_cast<double>(config.head_dim) * std::log(context / (turns * 2 * std::numbers::pi)) /
         (2 * std::log(config.rope_theta));
}

// Waves up to pair `low` are kept, those from `high` on slowed by `factor`, with a ramp in between.
at::Tensor ScaleYarn(const at::Tensor& powers,
                     const ModelConfig& config,
                     const YarnRopeScaling& scaling) {
  double low = YarnBound(config, scaling, scaling.beta_fast);
  double high = YarnBound(config, scaling, scaling.beta_slow);
  if (scaling.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(config.head_dim - 1));
  if (low == high) high += 0.001;
  const at::Tensor pairs = at::arange(config.head_dim / 2, at::kLong).to(at::kFloat);
  const at::Tensor kept = 1 - at::clamp((pairs - low) / (high - low), 0, 1);
  return 1.0 / (scaling.factor * powers) * (1 - kept) + 1.0 / powers * kept;
}

// A contiguous copy of x with its first heads rotated, or rotated back.
at::Tensor Turned(const at::Tensor& x,
                  int64_t heads,
                  const at::Tensor& cos,
                  const at::Tensor& sin,
                  bool is_back) {
  at::Tensor out = x.clone(at::MemoryFormat::Contiguous);
  const int64_t width = x.size(2);
  kernels::RotateHeads(out.mutable_data_ptr<float>(),
                       x.size(0),
                       {.row_heads = x.size(1),
                        .q_heads = heads,
                        .width = width,
                        .cos = cos.const_data_ptr<float>(),
                        // The negated half rotates back.
                        .sin = sin.const_data_ptr<float>() + (is_back ? 0 : width / 2),
                        .angle_stride = width});
  return out;
}

struct RotateFunction : torch::autograd::Function<RotateFunction> {
  static at::Tensor forward(torch::autograd::AutogradContext* context,
                            const at::Tensor& x,
                            int64_t heads,
                            const at::Tensor& cos,
                            const at::Tensor& sin) {
    context->save_for_backward({cos, sin});
    context->saved_data["heads"] = heads;
    return Turned(x, heads, cos, sin, /*is_back=*/false);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    return {Turned(gradients[0],
                   context->saved_data["heads"].toInt(),
                   saved[0],
                   saved[1],
                   /*is_back=*/true),
            {},
            {},
            {}};
  }
};

}  // namespace

at::Tensor RotateFirstHeads(const at::Tensor& x, int64_t heads, const Rotation& rotation) {
  return RotateFunction::apply(x, heads, rotation.cos_M1E, rotation.sin_M1E);
}

at::Tensor RotaryFrequencies(const ModelConfig& config) {
  const at::Tensor exponents = at::arange(0, config.head_dim, 2, at::kLong).to(at::kFloat) /
                               static_cast<double>(config.head_dim);
  const at::Tensor powers = at::pow(config.rope_theta, exponents);
  const at::Tensor frequencies = 1.0 / powers;
  if (const auto* linear = std::get_if<LinearRopeScaling>(&config.rope_scaling))
    return frequencies / linear->factor;
  if (const auto* llama3 = std::get_if<Llama3RopeScaling>(&config.rope_scaling))
    return ScaleLlama3(frequencies, *llama3);
  if (const auto* yarn = std::get_if<YarnRopeScaling>(&config.rope_scaling))
    return ScaleYarn(powers, config, *yarn);
  return frequencies;
}

double RotaryScale(const ModelConfig& config) {
  const auto* yarn = std::get_if<YarnRopeScaling>(&config.rope_scaling);
  return yarn == nullptr ? 1.0 : yarn->AttentionScale();
}

Rotation MakeRotation(const at::Tensor& positions_M, const at::Tensor& frequencies, double scale) {
  const at::Tensor angles = positions_M.to(at::kFloat).view({-1, 1, 1}) * frequencies;
  at::Tensor sin = at::sin(angles);
  at::Tensor cos = at::cos(angles);
  if (scale != 1.0) {
    sin *= scale;
    cos *= scale;
  }
  return {at::cat({cos, cos}, -1), at::cat({-sin, sin}, -1)};
}

at::Tensor Rotate(const at::Tensor& x_MHE, const Rotation& rotation) {
  const at::Tensor swapped = at::roll(x_MHE, x_MHE.size(-1) / 2, -1);
  return at::addcmul(x_MHE * rotation.cos_M1E, swapped, rotation.sin_M1E);
}

}  // namespace convrec::model
