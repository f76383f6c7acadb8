#include "libs/model/embedding.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include "libs/model/gradient_sink.h"

namespace convrec::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Like at::embedding, but if the table already has a gradient, only the rows that were read are
// added to it, without a second table.
struct RowsFunction : torch::autograd::Function<RowsFunction> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& table,
                            const at::Tensor& ids) {
    context->save_for_backward({table, ids});
    return at::embedding(table, ids);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    at::Tensor sink = GradientSink(saved[0]);
    if (!sink.defined()) {
      return {at::embedding_dense_backward(gradients[0],
                                           saved[1],
                                           saved[0].size(0),
                                           /*padding_idx=*/-1,
                                           /*scale_grad_by_freq=*/false),
              {}};
    }
    const at::NoGradGuard no_grad;
    sink.index_add_(0, saved[1], gradients[0]);
    return {at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor EmbeddingRows(const at::Tensor& table, const at::Tensor& ids) {
  // Elsewhere the order in which rows are added is not deterministic.
  const bool has_sink = table.is_cpu() && table.requires_grad() && at::GradMode::is_enabled();
  return has_sink ? RowsFunction::apply(table, ids) : at::embedding(table, ids);
}

}  // namespace convrec::model
