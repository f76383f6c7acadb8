#include "libs/model/packed_matrix.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/functions/accumulate_grad.h>
#include <torch/types.h>

#include "libs/model/gradient_sink.h"

namespace convrec::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// A tensor on the same memory that autograd considers unrelated. It is not a view and shares no
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
    context->set_materialize_grads(false);
    return Alias(whole, 0, whole.sizes());
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const std::vector<int64_t> rows = context->saved_data["rows"].toIntVector();
    variable_list result(rows.size());
    // The whole gradient went to a sink.
    if (gradients[0].defined()) result = gradients[0].split_with_sizes(rows);
    result.emplace_back();
    return result;
  }
};

// The leaf whose gradient is that of `weight`; undefined if there is none or there are several.
at::Tensor LeafOf(const at::Tensor& weight) {
  if (weight.is_leaf()) return weight;
  const auto* pack = dynamic_cast<torch::autograd::CppNode<Pack>*>(weight.grad_fn().get());
  // One edge for each part, and one for the whole.
  if (pack == nullptr || pack->num_outputs() != 2) return {};
  const auto* leaf =
      dynamic_cast<torch::autograd::AccumulateGrad*>(pack->next_edge(0).function.get());
  return leaf != nullptr ? leaf->variable : at::Tensor();
}

}  // namespace

at::Tensor GradientSink(const at::Tensor& weight) {
  const at::Tensor leaf = LeafOf(weight);
  if (!leaf.defined() || torch::autograd::impl::post_acc_grad_hooks(leaf) != nullptr) return {};
  const at::Tensor gradient = leaf.grad();
  const bool fits = gradient.defined() && gradient.is_contiguous() &&
                    gradient.scalar_type() == leaf.scalar_type() &&
                    gradient.sizes() == weight.sizes();
  return fits ? gradient : at::Tensor();
}

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
