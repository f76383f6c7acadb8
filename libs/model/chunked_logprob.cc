#include "libs/model/chunked_logprob.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <algorithm>

#include "libs/base/check.h"

namespace convrec::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// A chunk's logits stay near 2 MB: within the outer caches and still rows enough for a fast
// product.
int64_t ChosenRows(int64_t vocabulary) {
  return std::clamp<int64_t>((int64_t{1} << 19) / std::max<int64_t>(vocabulary, 1), 16, 4096);
}

at::Tensor ScaledLogits(const at::Tensor& hidden, const at::Tensor& head_VD, double temperature) {
  at::Tensor logits = at::mm(hidden, head_VD.t());
  if (temperature != 1.0) logits.div_(temperature);
  return logits;
}

struct LogprobFunction : torch::autograd::Function<LogprobFunction> {
  static variable_list forward(AutogradContext* context,
                               const at::Tensor& hidden_MD,
                               const at::Tensor& head_VD,
                               const at::Tensor& target_M,
                               double temperature,
                               int64_t chunk_rows) {
    const int64_t rows = hidden_MD.size(0);
    const at::TensorOptions options = hidden_MD.options();
    const at::Tensor logprob_M = at::empty({rows}, options);
    const at::Tensor entropy_M = at::empty({rows}, options);
    const at::Tensor normalizer_M = at::empty({rows}, options);
    for (int64_t first = 0; first < rows; first += chunk_rows) {
      const int64_t count = std::min(chunk_rows, rows - first);
      // Shifted by their maximum, the exponentials of the logits serve both sums.
      at::Tensor logits = ScaledLogits(hidden_MD.narrow(0, first, count), head_VD, temperature);
      const at::Tensor maximum = logits.amax(1, /*keepdim=*/true);
      logits.sub_(maximum);
      const at::Tensor target_logit =
          logits.gather(1, target_M.narrow(0, first, count).unsqueeze(1)).squeeze(1);
      const at::Tensor exponentials = logits.exp();
      const at::Tensor sum = exponentials.sum(1);
      const at::Tensor log_sum = sum.log();
      Slice(logprob_M, first, count).copy_(target_logit - log_sum);
      // H = log Z - sum_v p_v x_v
      Slice(entropy_M, first, count).copy_(log_sum - exponentials.mul_(logits).sum(1) / sum);
      Slice(normalizer_M, first, count).copy_(log_sum + maximum.squeeze(1));
    }
    context->save_for_backward({hidden_MD, head_VD, target_M, normalizer_M});
    context->saved_data["temperature"] = temperature;
    context->saved_data["chunk_rows"] = chunk_rows;
    context->mark_non_differentiable({entropy_M});
    return {logprob_M, entropy_M};
  }

  // d logprob_m / d logits_mv = [v == target_m] - p_mv, with p from the saved normalizer.
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& hidden_MD = saved[0];
    const at::Tensor& head_VD = saved[1];
    const double temperature = context->saved_data["temperature"].toDouble();
    const int64_t chunk_rows = context->saved_data["chunk_rows"].toInt();
    const bool needs_hidden = context->needs_input_grad(0);
    const bool needs_head = context->needs_input_grad(1);
    const int64_t rows = hidden_MD.size(0);
    const at::Tensor gradient_hidden =
        needs_hidden ? at::empty_like(hidden_MD, at::MemoryFormat::Contiguous) : at::Tensor();
    at::Tensor gradient_head =
        needs_head ? at::zeros_like(head_VD, at::MemoryFormat::Contiguous) : at::Tensor();
    for (int64_t first = 0; first < rows; first += chunk_rows) {
      const int64_t count = std::min(chunk_rows, rows - first);
      const at::Tensor hidden = hidden_MD.narrow(0, first, count);
      const at::Tensor upstream = gradients[0].narrow(0, first, count).unsqueeze(1) / temperature;
      at::Tensor slope = ScaledLogits(hidden, head_VD, temperature);
      slope.sub_(saved[3].narrow(0, first, count).unsqueeze(1)).exp_().mul_(-upstream);
      slope.scatter_add_(1, saved[2].narrow(0, first, count).unsqueeze(1), upstream);
      if (needs_hidden) Slice(gradient_hidden, first, count).copy_(at::mm(slope, head_VD));
      if (needs_head) gradient_head.addmm_(slope.t(), hidden);
    }
    return {gradient_hidden, gradient_head, {}, {}, {}};
  }

 private:
  static at::Tensor Slice(const at::Tensor& x, int64_t first, int64_t count) {
    return x.narrow(0, first, count);
  }
};

}  // namespace

LogprobResult ChunkedLogprob(const at::Tensor& hidden_MD,
                             const at::Tensor& head_VD,
                             const at::Tensor& target_M,
                             double temperature,
                             int64_t chunk_rows) {
  CR_CHECK(temperature > 0.0);
  CR_CHECK(hidden_MD.size(0) == target_M.size(0));
  if (chunk_rows <= 0) chunk_rows = ChosenRows(head_VD.size(0));
  const variable_list result =
      LogprobFunction::apply(hidden_MD, head_VD, target_M, temperature, chunk_rows);
  return {result[0], result[1]};
}

}  // namespace convrec::model
