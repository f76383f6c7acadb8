#include "libs/model/packed_matrix.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

namespace convrec::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// A tensor on the same memory that autograd takes for unrelated: it is no view and shares no
// version counter, so a leaf may be updated in place while another one is in use.
at::Tensor Alias(const at::Tensor& base, int64_t offset, at::IntArrayRef shape) {
  const at::NoGradGuard no_grad;
  at::Tensor alias = at::empty({0}, base.options());
  alias.set_(base.storage(), base.storage_offset() + offset, shape, {});
  return alias;
}

struct Pack : torch::autograd::Function<Pack> {
  static at::Tensor forward(AutogradContext* context,
                            at::TensorList parts,
                            const at::Tensor& whole) {
    std::vector<int64_t> rows;
    for (const at::Tensor& part : parts) rows.push_back(part.size(0));
    context->saved_data["rows"] = rows;
    return Alias(whole, 0, whole.sizes());
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    variable_list result = gradients[0].split_with_sizes(context->saved_data["rows"].toIntVector());
    result.emplace_back();
    return result;
  }
};

}  // namespace

PackedMatrix::PackedMatrix(const std::vector<int64_t>& rows,
                           int64_t columns,
                           at::Device device,
                           bool trainable) {
  int64_t total = 0;
  for (const int64_t n : rows) total += n;
  const auto shape = [columns](int64_t n) {
    return columns == 0 ? std::vector<int64_t>{n} : std::vector<int64_t>{n, columns};
  };
  whole_ = at::zeros(shape(total), at::TensorOptions().dtype(at::kFloat).device(device));
  int64_t first = 0;
  for (const int64_t n : rows) {
    parts_.push_back(Alias(whole_, first * std::max<int64_t>(columns, 1), shape(n)));
    parts_.back().set_requires_grad(trainable);
    first += n;
  }
}

at::Tensor PackedMatrix::Whole() const {
  if (!defined() || !at::GradMode::is_enabled() || !parts_[0].requires_grad()) return whole_;
  return Pack::apply(at::TensorList(parts_), whole_);
}

}  // namespace convrec::model
