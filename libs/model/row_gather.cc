#include "libs/model/row_gather.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

namespace convrec::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Spread : torch::autograd::Function<Spread> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& x,
                            const at::Tensor& source,
                            const at::Tensor& slot_of_row) {
    context->save_for_backward({slot_of_row});
    return x.index_select(0, source);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {gradients[0].index_select(0, context->get_saved_variables()[0]), {}, {}};
  }
};

struct Collect : torch::autograd::Function<Collect> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& slots,
                            const at::Tensor& source,
                            const at::Tensor& slot_of_row,
                            const at::Tensor& real_mask) {
    context->save_for_backward({source, real_mask});
    return slots.index_select(0, slot_of_row);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    at::Tensor gradient = gradients[0].index_select(0, saved[0]);
    if (saved[1].defined()) {
      std::vector<int64_t> shape(static_cast<size_t>(gradient.dim()), 1);
      shape[0] = gradient.size(0);
      gradient.mul_(saved[1].view(shape));
    }
    return {gradient, {}, {}, {}};
  }
};

}  // namespace

at::Tensor SpreadRows(const at::Tensor& x,
                      const at::Tensor& source,
                      const at::Tensor& slot_of_row) {
  return Spread::apply(x, source, slot_of_row);
}

at::Tensor CollectRows(const at::Tensor& slots,
                       const at::Tensor& source,
                       const at::Tensor& slot_of_row,
                       const at::Tensor& real_mask) {
  return Collect::apply(slots, source, slot_of_row, real_mask);
}

}  // namespace convrec::model
