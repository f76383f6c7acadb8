#include "libs/model/blocked_logprob.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "libs/kernels/softmax_rows.h"
#include "libs/model/cpu_linear.h"
#include "libs/model/gradient_sink.h"

// Shapes: M rows, D model width, V vocabulary, C columns of a block.
namespace convrec::model {
namespace {

using kernels::PanelType;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kBlockLogits = int64_t{1} << 21;

int64_t BlockColumns(int64_t rows) {
  return std::clamp<int64_t>(kBlockLogits / std::max<int64_t>(rows, 1) / 32 * 32, 256, 4096);
}

// Calls body(first, logits [M, C]) for every block of the vocabulary; the logits may be changed.
template <typename Body>
void ForBlocks(const at::Tensor& hidden_MD, const at::Tensor& head_VD, const Body& body) {
  const int64_t rows = hidden_MD.size(0), vocabulary = head_VD.size(0), most = BlockColumns(rows);
  at::Tensor memory = at::empty({rows * std::min(most, vocabulary)}, hidden_MD.options());
  for (int64_t first = 0; first < vocabulary; first += most) {
    const int64_t columns = std::min(most, vocabulary - first);
    at::Tensor logits_MC = memory.narrow(0, 0, rows * columns).view({rows, columns});
    MultiplyByTranspose(hidden_MD,
                        head_VD.narrow(0, first, columns),
                        {},
                        /*add=*/false,
                        PanelType::kFloat32,
                        &logits_MC);
    body(first, &logits_MC);
  }
}

struct BlockedFunction : torch::autograd::Function<BlockedFunction> {
  static variable_list forward(AutogradContext* context,
                               const at::Tensor& hidden_MD,
                               const at::Tensor& head_VD,
                               const at::Tensor& target_M,
                               double temperature) {
    const int64_t rows = hidden_MD.size(0);
    const auto inverse = static_cast<float>(1.0 / temperature);
    std::vector<kernels::SoftmaxState> states(static_cast<size_t>(rows));
    ForBlocks(hidden_MD, head_VD, [&](int64_t first, at::Tensor* logits) {
      kernels::GrowSoftmax(logits->const_data_ptr<float>(),
                           rows,
                           logits->size(1),
                           first,
                           inverse,
                           target_M.const_data_ptr<int64_t>(),
                           states.data());
    });
    const at::Tensor logprob_M = at::empty({rows}, hidden_MD.options()),
                     entropy_M = at::empty_like(logprob_M),
                     normalizer_M = at::empty_like(logprob_M);
    for (int64_t m = 0; m < rows; ++m) {
      const kernels::SoftmaxState& state = states[static_cast<size_t>(m)];
      const float log_sum = std::log(state.sum);
      logprob_M.mutable_data_ptr<float>()[m] = (state.target - state.most) * inverse - log_sum;
      // H = log Z - sum_v p_v x_v
      entropy_M.mutable_data_ptr<float>()[m] = log_sum - state.weighted / state.sum;
      normalizer_M.mutable_data_ptr<float>()[m] = state.most * inverse + log_sum;
    }
    context->save_for_backward({hidden_MD, head_VD, target_M, normalizer_M, entropy_M});
    context->saved_data["temperature"] = temperature;
    context->set_materialize_grads(false);
    return {logprob_M, entropy_M};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &hidden_MD = saved[0], &head_VD = saved[1];
    const auto inverse = static_cast<float>(1.0 / context->saved_data["temperature"].toDouble());
    const at::Tensor of_logprob = gradients[0].defined() ? gradients[0].contiguous() : at::Tensor(),
                     of_entropy = gradients[1].defined() ? gradients[1].contiguous() : at::Tensor();
    const kernels::SoftmaxGradient upstream{
        of_logprob.defined() ? of_logprob.const_data_ptr<float>() : nullptr,
        of_entropy.defined() ? of_entropy.const_data_ptr<float>() : nullptr};
    at::Tensor to_hidden, to_head, sink;
    if (context->needs_input_grad(0)) to_hidden = at::zeros_like(hidden_MD);
    if (context->needs_input_grad(1)) sink = GradientSink(head_VD);
    const bool has_sink = sink.defined();
    if (context->needs_input_grad(1) && !has_sink) sink = to_head = at::empty_like(head_VD);
    ForBlocks(hidden_MD, head_VD, [&](int64_t first, at::Tensor* logits) {
      const int64_t columns = logits->size(1);
      kernels::SoftmaxBackward(logits->mutable_data_ptr<float>(),
                               logits->size(0),
                               columns,
                               first,
                               inverse,
                               saved[2].const_data_ptr<int64_t>(),
                               saved[3].const_data_ptr<float>(),
                               saved[4].const_data_ptr<float>(),
                               upstream);
      if (to_hidden.defined()) {
        MultiplyByMatrix(*logits,
                         head_VD.narrow(0, first, columns),
                         /*add=*/true,
                         PanelType::kFloat32,
                         &to_hidden);
      }
      if (sink.defined()) {
        at::Tensor rows = sink.narrow(0, first, columns);
        MultiplyTransposed(*logits, hidden_MD, /*add=*/has_sink, PanelType::kFloat32, &rows);
      }
    });
    return {to_hidden, to_head, {}, {}};
  }
};

}  // namespace

LogprobResult BlockedLogprob(const at::Tensor& hidden_MD,
                             const at::Tensor& head_VD,
                             const at::Tensor& target_M,
                             double temperature) {
  const variable_list result = BlockedFunction::apply(
      hidden_MD.contiguous(), head_VD.contiguous(), target_M.contiguous(), temperature);
  return {result[0], result[1]};
}

}  // namespace convrec::model
