#include "libs/model/rms_norm.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include "libs/kernels/pointwise.h"

// Shapes: M rows, D normalised width.
namespace convrec::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor Forward(const at::Tensor& x_MD, const at::Tensor& weight_D, double eps, float* scale_M) {
  at::Tensor out_MD = at::empty(x_MD.sizes(), x_MD.options());
  const int64_t width = weight_D.numel();
  kernels::RmsNormRows(x_MD.const_data_ptr<float>(),
                       x_MD.numel() / width,
                       width,
                       weight_D.const_data_ptr<float>(),
                       static_cast<float>(eps),
                       out_MD.mutable_data_ptr<float>(),
                       scale_M);
  return out_MD;
}

struct RmsNormFunction : torch::autograd::Function<RmsNormFunction> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& x,
                            const at::Tensor& weight,
                            double eps) {
    const at::Tensor scale = at::empty({x.numel() / weight.numel()}, x.options());
    context->save_for_backward({x, weight, scale});
    return Forward(x, weight, eps, scale.mutable_data_ptr<float>());
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor gradient_MD = gradients[0].contiguous();
    const int64_t width = saved[1].numel();
    const int64_t rows = gradient_MD.numel() / width;
    at::Tensor out_MD = at::empty(gradient_MD.sizes(), gradient_MD.options());
    at::Tensor weight_gradient_D = at::empty({width}, gradient_MD.options());
    kernels::RmsNormBackwardRows(saved[0].const_data_ptr<float>(),
                                 rows,
                                 width,
                                 saved[1].const_data_ptr<float>(),
                                 saved[2].const_data_ptr<float>(),
                                 gradient_MD.const_data_ptr<float>(),
                                 out_MD.mutable_data_ptr<float>(),
                                 weight_gradient_D.mutable_data_ptr<float>());
    return {out_MD, weight_gradient_D, {}};
  }
};

}  // namespace

at::Tensor RmsNormByParts(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return at::rms_norm(x, weight.sizes(), weight, eps);
}

at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const bool is_plain =
      x.is_cpu() && x.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat;
  if (!is_plain) return RmsNormByParts(x, weight, eps);
  const at::Tensor packed = x.contiguous();
  if (at::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad())) {
    return RmsNormFunction::apply(packed, weight, eps);
  }
  return Forward(packed, weight, eps, nullptr);
}

}  // namespace convrec::model
