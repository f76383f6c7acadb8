#include "libs/engine/sampler.h"

#include <torch/types.h>

#include <algorithm>

#include "libs/base/random.h"

namespace convrec::engine {

bool IsPlain(const DrawRequest& request) {
  const domain::SamplingParams& sampling = *request.sampling;
  return request.legal == nullptr && request.num_top_logprobs == 0 && sampling.temperature > 0 &&
         sampling.top_k == 0 && sampling.top_p >= 1.0F && sampling.min_p <= 0.0F;
}

std::vector<Draw> DrawPlainTokens(const at::Tensor& logits_MV,
                                  const std::vector<DrawRequest>& requests) {
  std::vector<int64_t> rows;
  std::vector<float> inverse;
  std::vector<double> uniform;
  for (const DrawRequest& request : requests) {
    rows.push_back(request.row);
    inverse.push_back(1.0F / request.sampling->temperature);
    uniform.push_back(
        base::UniformAt(request.sampling->seed, request.stream, request.sibling, request.step));
  }
  const at::Device device = logits_MV.device();
  const at::Tensor scaled_NV =
      logits_MV.index_select(0, torch::tensor(rows).to(device)).to(at::kFloat) *
      torch::tensor(inverse).to(device).unsqueeze(1);
  const at::Tensor logprob_NV = at::log_softmax(scaled_NV, 1);
  const at::Tensor cumulative_NV = logprob_NV.exp().cumsum(1, at::kDouble);
  const at::Tensor target_N1 = torch::tensor(uniform, at::kDouble).to(device).unsqueeze(1) *
                               cumulative_NV.narrow(1, cumulative_NV.size(1) - 1, 1);
  const at::Tensor drawn_N1 =
      at::searchsorted(cumulative_NV, target_N1, /*out_int32=*/false, /*right=*/true)
          .clamp_max(logits_MV.size(1) - 1);
  const at::Tensor ids = drawn_N1.cpu(), logprobs = logprob_NV.gather(1, drawn_N1).cpu();
  std::vector<Draw> draws(requests.size());
  for (size_t i = 0; i < draws.size(); ++i) {
    draws[i].token_id = static_cast<int32_t>(ids.const_data_ptr<int64_t>()[i]);
    draws[i].logprob = logprobs.const_data_ptr<float>()[i];
  }
  return draws;
}

std::vector<Draw> DrawTokens(const at::Tensor& logits_MV,
                             const std::vector<DrawRequest>& requests) {
  if (requests.empty()) return {};
  if (!logits_MV.is_cpu() && std::all_of(requests.begin(), requests.end(), IsPlain)) {
    return DrawPlainTokens(logits_MV, requests);
  }
  const at::Tensor logits = logits_MV.to(at::kCPU, at::kFloat).contiguous();
  return DrawTokens(logits.const_data_ptr<float>(), logits.size(1), requests);
}

}  // namespace convrec::engine
