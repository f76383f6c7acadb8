#include "libs/model/cpu_linear.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include "libs/base/check.h"
#include "libs/kernels/multiply.h"
#include "libs/kernels/pointwise.h"
#include "libs/model/gradient_sink.h"

namespace convrec::model {
namespace {

using kernels::PanelType;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Kind = LinearInput::Kind;

// The packed right factor of the current product; one per calling thread.
kernels::PanelMatrix& Scratch(int64_t rows, int64_t columns, PanelType type) {
  static thread_local kernels::PanelMatrix panels;
  panels.Reshape(rows, columns, type);
  return panels;
}

const float* Data(const at::Tensor& tensor) {
  CR_CHECK(tensor.is_contiguous() && tensor.scalar_type() == at::kFloat);
  return tensor.const_data_ptr<float>();
}

// The input that the product reads. `scale_M`, for the gradient of a norm, may be null.
at::Tensor Prepare(
    Kind kind, const at::Tensor& x, const at::Tensor& norm_weight, double eps, float* scale_M) {
  if (kind == Kind::kPlain) return x;
  const int64_t rows = x.size(0);
  if (kind == Kind::kGatedSilu) {
    const int64_t width = x.size(1) / 2;
    at::Tensor out = at::empty({rows, width}, x.options());
    kernels::GatedSiluRows(Data(x), rows, width, out.mutable_data_ptr<float>());
    return out;
  }
  at::Tensor out = at::empty(x.sizes(), x.options());
  kernels::RmsNormRows(Data(x),
                       rows,
                       x.size(1),
                       Data(norm_weight),
                       static_cast<float>(eps),
                       out.mutable_data_ptr<float>(),
                       scale_M);
  return out;
}

// Autograd does not accept undefined tensors along with defined ones, so an empty tensor replaces a
// missing one.
at::Tensor OrEmpty(const at::Tensor& tensor, const at::Tensor& like) {
  return tensor.defined() ? tensor : at::empty({0}, like.options());
}
at::Tensor OrUndefined(const at::Tensor& tensor) {
  return tensor.numel() > 0 ? tensor : at::Tensor();
}

struct LinearFunction : torch::autograd::Function<LinearFunction> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& x,
                            const at::Tensor& norm_weight,
                            const at::Tensor& weight,
                            const at::Tensor& bias,
                            const at::Tensor& sum,
                            int64_t kind,
                            double eps,
                            int64_t type) {
    context->save_for_backward({x, norm_weight, weight});
    context->saved_data["kind"] = kind;
    context->saved_data["eps"] = eps;
    context->saved_data["type"] = type;
    const bool has_sum = sum.numel() > 0;
    at::Tensor out = has_sum ? sum.clone() : at::empty({x.size(0), weight.size(0)}, x.options());
    MultiplyByTranspose(Prepare(static_cast<Kind>(kind), x, norm_weight, eps, nullptr),
                        weight,
                        OrUndefined(bias),
                        has_sum,
                        static_cast<PanelType>(type),
                        &out);
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &norm_weight = saved[1], &weight = saved[2];
    const auto kind = static_cast<Kind>(context->saved_data["kind"].toInt());
    const auto type = static_cast<PanelType>(context->saved_data["type"].toInt());
    const double eps = context->saved_data["eps"].toDouble();
    const at::Tensor gradient = gradients[0].contiguous();
    variable_list result(8);
    at::Tensor scale;
    if (kind == Kind::kNormed) scale = at::empty({x.size(0)}, x.options());
    if (context->needs_input_grad(2) || kind == Kind::kNormed) {
      const at::Tensor input = Prepare(
          kind, x, norm_weight, eps, scale.defined() ? scale.mutable_data_ptr<float>() : nullptr);
      if (context->needs_input_grad(2)) {
        at::Tensor sink = GradientSink(weight);
        const bool has_sink = sink.defined();
        if (!has_sink) sink = result[2] = at::empty_like(weight);
        MultiplyTransposed(gradient, input, /*add=*/has_sink, type, &sink);
      }
    }
    if (context->needs_input_grad(3)) result[3] = gradient.sum(0);
    if (context->needs_input_grad(4)) result[4] = gradient;
    if (!context->needs_input_grad(0) && !context->needs_input_grad(1)) return result;
    at::Tensor inner = at::empty({x.size(0), weight.size(1)}, x.options());
    MultiplyByMatrix(gradient, weight, /*add=*/false, type, &inner);
    const int64_t rows = x.size(0);
    if (kind == Kind::kPlain) {
      result[0] = inner;
    } else if (kind == Kind::kGatedSilu) {
      result[0] = at::empty_like(x);
      kernels::GatedSiluBackwardRows(
          Data(x), rows, inner.size(1), Data(inner), result[0].mutable_data_ptr<float>());
    } else {
      result[0] = at::empty_like(x);
      result[1] = at::empty_like(norm_weight);
      kernels::RmsNormBackwardRows(Data(x),
                                   rows,
                                   x.size(1),
                                   Data(norm_weight),
                                   Data(scale),
                                   Data(inner),
                                   result[0].mutable_data_ptr<float>(),
                                   result[1].mutable_data_ptr<float>());
    }
    return result;
  }
};

void Run(const kernels::PanelMatrix& panels, const kernels::Product& product) {
  kernels::Product rounded = product;
  rounded.precision = kernels::Precision::kBfloat16;  // Float32 panels still use float32.
  kernels::Multiply(panels, rounded);
}

}  // namespace

bool HasCpuLinear(const at::Tensor& x) {
  return x.is_cpu() && x.scalar_type() == at::kFloat && x.dim() == 2;
}

void MultiplyByTranspose(const at::Tensor& x,
                         const at::Tensor& weight,
                         const at::Tensor& bias,
                         bool add,
                         PanelType type,
                         at::Tensor* out) {
  kernels::PanelMatrix& panels = Scratch(weight.size(0), weight.size(1), type);
  panels.SetRows(0, weight.size(0), Data(weight));
  Run(panels,
      {.x_MK = Data(x),
       .m = x.size(0),
       .out_MN = out->mutable_data_ptr<float>(),
       .bias_N = bias.defined() ? Data(bias) : nullptr,
       .add = add});
}

void MultiplyByMatrix(
    const at::Tensor& y, const at::Tensor& weight, bool add, PanelType type, at::Tensor* out) {
  kernels::PanelMatrix& panels = Scratch(weight.size(1), weight.size(0), type);
  panels.SetTransposed(Data(weight), weight.size(1));
  Run(panels,
      {.x_MK = Data(y), .m = y.size(0), .out_MN = out->mutable_data_ptr<float>(), .add = add});
}

void MultiplyTransposed(
    const at::Tensor& y, const at::Tensor& x, bool add, PanelType type, at::Tensor* out) {
  kernels::PanelMatrix& panels = Scratch(x.size(1), x.size(0), type);
  panels.SetTransposed(Data(x), x.size(1));
  Run(panels,
      {.x_KM = Data(y), .m = y.size(1), .out_MN = out->mutable_data_ptr<float>(), .add = add});
}

at::Tensor CpuLinear(const LinearInput& input,
                     const at::Tensor& weight,
                     const at::Tensor& bias,
                     at::Tensor sum,
                     PanelType type) {
  const at::Tensor x = input.x.contiguous();
  if (at::GradMode::is_enabled()) {
    return LinearFunction::apply(x,
                                 OrEmpty(input.norm_weight_K, x),
                                 weight,
                                 OrEmpty(bias, x),
                                 OrEmpty(sum, x),
                                 static_cast<int64_t>(input.kind),
                                 input.eps,
                                 static_cast<int64_t>(type));
  }
  at::Tensor out = sum.defined() ? sum : at::empty({x.size(0), weight.size(0)}, x.options());
  MultiplyByTranspose(Prepare(input.kind, x, input.norm_weight_K, input.eps, nullptr),
                      weight,
                      bias,
                      sum.defined(),
                      type,
                      &out);
  return out;
}

}  // namespace convrec::model
