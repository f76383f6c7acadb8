#include "libs/model/linear.h"

#include <torch/types.h>

#include "libs/base/check.h"
#include "libs/kernels/multiply.h"
#include "libs/model/embedding.h"
#include "libs/model/gated_silu.h"
#include "libs/model/rms_norm.h"

namespace convrec::model {
namespace {

void Multiply(const kernels::PanelMatrix& weights,
              const at::Tensor& bias,
              Activations activations,
              const at::Tensor& x,
              bool add,
              at::Tensor* out) {
  const at::Tensor rows = x.contiguous();
  kernels::Multiply(
      weights,
      {.x_MK = rows.const_data_ptr<float>(),
       .m = rows.size(0),
       .out_MN = out->mutable_data_ptr<float>(),
       .bias_N = bias.defined() ? bias.const_data_ptr<float>() : nullptr,
       .add = add,
       .precision = activations == Activations::kFloat32 ? kernels::Precision::kExact
                                                         : kernels::Precision::kBfloat16});
}

}  // namespace

Linear::Linear(const std::vector<int64_t>& rows,
               int64_t columns,
               bool has_bias,
               at::Device device,
               WeightStorage storage,
               bool trainable,
               Activations activations,
               kernels::PanelType products)
    : storage_(storage), activations_(activations), products_(products) {
  int64_t total = 0;
  for (const int64_t count : rows) {
    first_row_.push_back(total);
    total += count;
  }
  if (storage == WeightStorage::kParameters) {
    weight_ = PackedMatrix(rows, columns, device, trainable);
    if (has_bias) bias_ = PackedMatrix(rows, 0, device, trainable);
    return;
  }
  CR_CHECK(!trainable, "weights for sampling are not trained");
  const at::TensorOptions options = at::TensorOptions().device(device).dtype(at::kFloat);
  if (has_bias) sampling_bias_ = at::zeros({total}, options);
  const bool is_narrow = storage == WeightStorage::kSamplingBfloat16;
  if (device.is_cpu()) {
    panels_ = std::make_shared<kernels::PanelMatrix>(
        total, columns, is_narrow ? kernels::PanelType::kBfloat16 : kernels::PanelType::kFloat32);
  } else {
    // Without rounded activations, weights that every product would widen gain nothing.
    const bool is_rounded = is_narrow && activations == Activations::kAsWeights;
    tensor_ = at::zeros({total, columns}, is_rounded ? options.dtype(at::kBFloat16) : options);
  }
}

void Linear::SetWeight(size_t part, const at::Tensor& values) {
  const int64_t first = first_row_[part], count = values.size(0);
  if (!is_panels()) {
    if (storage_ == WeightStorage::kParameters) {
      weight_.parts()[part].copy_(values);
    } else {
      tensor_.narrow(0, first, count).copy_(values);
    }
    return;
  }
  if (values.scalar_type() == at::kBFloat16) {
    const at::Tensor rows = values.contiguous();
    panels_->SetRowsFromBfloat16(first, count, static_cast<const uint16_t*>(rows.const_data_ptr()));
  } else {
    const at::Tensor rows = values.to(at::kFloat).contiguous();
    panels_->SetRows(first, count, rows.const_data_ptr<float>());
  }
}

void Linear::SetBias(size_t part, const at::Tensor& values) {
  if (storage_ == WeightStorage::kParameters) {
    bias_.parts()[part].copy_(values);
  } else {
    sampling_bias_.narrow(0, first_row_[part], values.size(0)).copy_(values);
  }
}

at::Tensor Linear::Product(const LinearInput& input, at::Tensor sum) const {
  return WithAdapter(CpuLinear(input, weight_.Whole(), bias_.Whole(), std::move(sum), products_),
                     input);
}

at::Tensor Linear::RoundedProduct(const at::Tensor& x) const {
  return at::linear(x.to(at::kBFloat16), weight_.Whole().to(at::kBFloat16)).to(at::kFloat);
}

at::Tensor Linear::ApplyToNormed(const at::Tensor& x,
                                 const at::Tensor& norm_weight,
                                 double eps) const {
  if (!is_cpu_linear(x)) return Apply(RmsNorm(x, norm_weight, eps));
  return Product({LinearInput::Kind::kNormed, x, norm_weight, eps}, {});
}

at::Tensor Linear::AddGatedTo(at::Tensor sum, const at::Tensor& gate_up) const {
  if (!is_cpu_linear(gate_up)) return AddTo(sum, GatedSilu(gate_up));
  return Product({LinearInput::Kind::kGatedSilu, gate_up}, std::move(sum));
}

at::Tensor Linear::Apply(const at::Tensor& x) const {
  const LinearInput input{LinearInput::Kind::kPlain, x};
  if (is_cpu_linear(x)) return Product(input, {});
  if (storage_ == WeightStorage::kParameters) {
    const at::Tensor bias = bias_.Whole();
    if (products_ == kernels::PanelType::kFloat32)
      return WithAdapter(at::linear(x, weight_.Whole(), bias), input);
    const at::Tensor product = RoundedProduct(x);
    return WithAdapter(bias.defined() ? product + bias : product, input);
  }
  if (is_panels()) {
    at::Tensor out = at::empty({x.size(0), panels_->rows()}, x.options());
    Multiply(*panels_, sampling_bias_, activations_, x, /*add=*/false, &out);
    return out;
  }
  const at::Tensor product = at::linear(x.to(tensor_.scalar_type()), tensor_).to(at::kFloat);
  return sampling_bias_.defined() ? product + sampling_bias_ : product;
}

at::Tensor Linear::AddTo(at::Tensor sum, const at::Tensor& x) const {
  const LinearInput input{LinearInput::Kind::kPlain, x};
  if (is_cpu_linear(x)) return Product(input, std::move(sum));
  if (storage_ == WeightStorage::kParameters) {
    const bool records = at::GradMode::is_enabled();
    const at::Tensor bias = bias_.Whole();
    if (products_ == kernels::PanelType::kBfloat16) {
      const at::Tensor product = RoundedProduct(x);
      sum = records ? sum + product : sum.add_(product);
    } else {
      const at::Tensor weight = weight_.Whole();
      sum = records ? at::addmm(sum, x, weight.t()) : sum.addmm_(x, weight.t());
    }
    if (bias.defined()) sum = records ? sum + bias : sum.add_(bias);
    return WithAdapter(sum, input);
  }
  if (!is_panels()) return sum.add_(Apply(x));
  Multiply(*panels_, sampling_bias_, activations_, x, /*add=*/true, &sum);
  return sum;
}

at::Tensor Linear::Rows(const at::Tensor& ids) const {
  if (storage_ == WeightStorage::kParameters) return EmbeddingRows(weight_.Whole(), ids);
  if (!is_panels()) return at::embedding(tensor_, ids).to(at::kFloat);
  const at::Tensor indices = ids.contiguous();
  const int64_t* rows = indices.const_data_ptr<int64_t>();
  at::Tensor out = at::empty({ids.numel(), panels_->columns()}, at::TensorOptions(at::kFloat));
  float* target = out.mutable_data_ptr<float>();
  for (int64_t i = 0; i < ids.numel(); ++i)
    panels_->CopyRow(rows[i], target + i * panels_->columns());
  return out;
}

}  // namespace convrec::model
