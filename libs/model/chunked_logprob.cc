#include "libs/model/chunked_logprob.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include "libs/base/check.h"
#include "libs/model/blocked_logprob.h"
#include "libs/model/cpu_linear.h"
#include "libs/model/logprob_chunks.h"

// Shapes: R rows of a chunk, C their columns: the vocabulary, or S legal ids.
namespace convrec::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Far below any logit, but finite, so that 0 times it is 0.
constexpr double kPaddingLogit = -1e30;

at::Tensor RowsOf(const at::Tensor& values_M, const LogprobChunk& chunk) {
  return chunk.rows_R.defined() ? values_M.index_select(0, chunk.rows_R)
                                : values_M.narrow(0, chunk.first, chunk.count);
}

void PutRows(const LogprobChunk& chunk, const at::Tensor& values_R, const at::Tensor& values_M) {
  if (chunk.rows_R.defined()) {
    at::Tensor(values_M).index_copy_(0, chunk.rows_R, values_R);
  } else {
    values_M.narrow(0, chunk.first, chunk.count).copy_(values_R);
  }
}

// The chunk's rows of the head, [R, S, D].
at::Tensor GatheredHead(const at::Tensor& head_VD, const LogprobChunk& chunk) {
  return head_VD.index_select(0, chunk.support_RS.view({-1}))
      .view({chunk.count, chunk.support_RS.size(1), head_VD.size(1)});
}

// `head_RSD` is defined where the chunk gathers its head.
at::Tensor ScaledLogits(const at::Tensor& hidden_RD,
                        const at::Tensor& head_VD,
                        const at::Tensor& head_RSD,
                        const LogprobChunk& chunk,
                        double temperature) {
  at::Tensor logits_RC;
  if (chunk.gathers_head) {
    logits_RC = at::bmm(head_RSD, hidden_RD.unsqueeze(2)).squeeze(2);
  } else {
    logits_RC = at::mm(hidden_RD, head_VD.t());
    if (chunk.support_RS.defined()) logits_RC = logits_RC.gather(1, chunk.support_RS);
  }
  if (temperature != 1.0) logits_RC.div_(temperature);
  if (chunk.support_RS.defined()) logits_RC.masked_fill_(chunk.is_padding_RS, kPaddingLogit);
  return logits_RC;
}

struct LogprobFunction : torch::autograd::Function<LogprobFunction> {
  static variable_list forward(AutogradContext* context,
                               const at::Tensor& hidden_MD,
                               const at::Tensor& head_VD,
                               double temperature,
                               const c10::intrusive_ptr<LogprobChunks>& plan) {
    const at::TensorOptions options = hidden_MD.options();
    const auto make = [&] {
      const int64_t rows = hidden_MD.size(0);
      return plan->covers_all_rows ? at::empty({rows}, options) : at::zeros({rows}, options);
    };
    const at::Tensor logprob_M = make(), entropy_M = make(), normalizer_M = make();
    for (const LogprobChunk& chunk : plan->chunks) {
      // Shifted by their maximum, the exponentials of the logits serve both sums.
      at::Tensor logits =
          ScaledLogits(RowsOf(hidden_MD, chunk),
                       head_VD,
                       chunk.gathers_head ? GatheredHead(head_VD, chunk) : at::Tensor(),
                       chunk,
                       temperature);
      const at::Tensor maximum = logits.amax(1, /*keepdim=*/true);
      logits.sub_(maximum);
      const at::Tensor target_logit = logits.gather(1, chunk.target_R.unsqueeze(1)).squeeze(1);
      const at::Tensor exponentials = logits.exp();
      const at::Tensor sum = exponentials.sum(1);
      const at::Tensor log_sum = sum.log();
      PutRows(chunk, target_logit - log_sum, logprob_M);
      // H = log Z - sum_v p_v x_v
      PutRows(chunk, log_sum - exponentials.mul_(logits).sum(1) / sum, entropy_M);
      PutRows(chunk, log_sum + maximum.squeeze(1), normalizer_M);
    }
    context->save_for_backward({hidden_MD, head_VD, normalizer_M, entropy_M});
    context->saved_data["temperature"] = temperature;
    context->saved_data["plan"] = c10::IValue::make_capsule(plan);
    // The entropy's gradient costs nothing when it is not needed.
    context->set_materialize_grads(false);
    return {logprob_M, entropy_M};
  }

  // d logprob_m / d logits_mv = [v == target_m] - p_mv and d entropy_m / d logits_mv =
  // -p_mv (log p_mv + entropy_m), with p from the saved normalizer; 0 outside the support.
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& hidden_MD = saved[0];
    const at::Tensor& head_VD = saved[1];
    const double temperature = context->saved_data["temperature"].toDouble();
    const auto holder = context->saved_data["plan"].toCapsule();
    const auto& plan = static_cast<const LogprobChunks&>(*holder);
    const bool needs_hidden = context->needs_input_grad(0);
    const bool needs_head = context->needs_input_grad(1);
    at::Tensor gradient_hidden, gradient_head;
    if (needs_hidden) {
      gradient_hidden = plan.covers_all_rows
                            ? at::empty_like(hidden_MD, at::MemoryFormat::Contiguous)
                            : at::zeros_like(hidden_MD, at::MemoryFormat::Contiguous);
    }
    if (needs_head) gradient_head = at::zeros_like(head_VD, at::MemoryFormat::Contiguous);
    for (const LogprobChunk& chunk : plan.chunks) {
      const at::Tensor hidden = RowsOf(hidden_MD, chunk);
      const at::Tensor upstream = gradients[0].defined()
                                      ? RowsOf(gradients[0], chunk).unsqueeze(1) / temperature
                                      : at::zeros({chunk.count, 1}, hidden_MD.options());
      const at::Tensor head_RSD = chunk.gathers_head ? GatheredHead(head_VD, chunk) : at::Tensor();
      at::Tensor slope = ScaledLogits(hidden, head_VD, head_RSD, chunk, temperature);
      slope.sub_(RowsOf(saved[2], chunk).unsqueeze(1));
      if (gradients[1].defined()) {
        const at::Tensor entropy_upstream = RowsOf(gradients[1], chunk).unsqueeze(1) / temperature;
        const at::Tensor surprise = slope + RowsOf(saved[3], chunk).unsqueeze(1);
        slope.exp_().mul_(surprise.mul_(entropy_upstream).add_(upstream).neg_());
      } else {
        slope.exp_().mul_(-upstream);
      }
      slope.scatter_add_(1, chunk.target_R.unsqueeze(1), upstream);
      if (chunk.gathers_head) {
        if (needs_hidden) {
          PutRows(chunk, at::bmm(slope.unsqueeze(1), head_RSD).squeeze(1), gradient_hidden);
        }
        if (needs_head) {
          const at::Tensor outer_RSD = slope.unsqueeze(2) * hidden.unsqueeze(1);
          gradient_head.index_add_(
              0, chunk.support_RS.view({-1}), outer_RSD.view({-1, head_VD.size(1)}));
        }
        continue;
      }
      if (chunk.support_RS.defined()) {
        slope = at::zeros({chunk.count, head_VD.size(0)}, slope.options())
                    .scatter_add_(1, chunk.support_RS, slope);
      }
      if (needs_hidden) PutRows(chunk, at::mm(slope, head_VD), gradient_hidden);
      if (needs_head) gradient_head.addmm_(slope.t(), hidden);
    }
    return {gradient_hidden, gradient_head, {}, {}};
  }
};

LogprobResult Compute(const at::Tensor& hidden_MD,
                      const at::Tensor& head_VD,
                      const at::Tensor& target_M,
                      double temperature,
                      const RowSupport* support,
                      int64_t chunk_rows) {
  CR_CHECK(temperature > 0.0);
  CR_CHECK(hidden_MD.size(0) == target_M.size(0));
  if (hidden_MD.size(0) > 0 && support == nullptr && chunk_rows == 0 && HasCpuLinear(hidden_MD) &&
      HasCpuLinear(head_VD)) {
    return BlockedLogprob(hidden_MD, head_VD, target_M, temperature);
  }
  const variable_list result = LogprobFunction::apply(
      hidden_MD,
      head_VD,
      temperature,
      ChunksOf(target_M, head_VD.size(1), head_VD.size(0), support, chunk_rows));
  return {result[0], result[1]};
}

}  // namespace

LogprobResult ChunkedLogprob(const at::Tensor& hidden_MD,
                             const at::Tensor& head_VD,
                             const at::Tensor& target_M,
                             double temperature,
                             int64_t chunk_rows) {
  return Compute(hidden_MD, head_VD, target_M, temperature, nullptr, chunk_rows);
}

LogprobResult ChunkedLogprob(const at::Tensor& hidden_MD,
                             const at::Tensor& head_VD,
                             const at::Tensor& target_M,
                             double temperature,
                             const RowSupport& support,
                             int64_t chunk_rows) {
  return Compute(hidden_MD, head_VD, target_M, temperature, &support, chunk_rows);
}

}  // namespace convrec::model
