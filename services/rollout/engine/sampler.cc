#include "services/rollout/engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <ATen/Parallel.h>
#include <torch/types.h>

#include "libs/base/check.h"
#include "libs/base/random.h"

namespace convrec::rollout {
namespace {

// Keeps the tokens that top-k and top-p allow; sets the probability of the others to 0.
void KeepLikeliest(const domain::SamplingParams& sampling, std::vector<float>* probs) {
  const size_t vocab = probs->size();
  std::vector<int32_t> order(vocab);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return (*probs)[a] != (*probs)[b] ? (*probs)[a] > (*probs)[b] : a < b;
  });
  size_t keep = sampling.top_k > 0 ? std::min<size_t>(vocab, sampling.top_k) : vocab;
  if (sampling.top_p < 1.0f) {
    double mass = 0;
    size_t within = 0;
    while (within < keep && mass < sampling.top_p) mass += (*probs)[order[within++]];
    keep = std::max<size_t>(within, 1);
  }
  for (size_t i = keep; i < vocab; ++i) (*probs)[order[i]] = 0;
}

// The first id whose cumulative probability exceeds u times the total.
int32_t Invert(const float* probs, int64_t vocab, double u) {
  // Block sums first, so that only one block is walked token by token.
  constexpr int64_t kBlock = 256;
  double total = 0;
  std::vector<double> blocks((vocab + kBlock - 1) / kBlock);
  for (size_t b = 0; b < blocks.size(); ++b) {
    const int64_t end = std::min<int64_t>(vocab, (b + 1) * kBlock);
    float lanes[8] = {};
    int64_t i = b * kBlock;
    for (; i + 8 <= end; i += 8) {
      for (int lane = 0; lane < 8; ++lane) lanes[lane] += probs[i + lane];
    }
    double sum = 0;
    for (float lane : lanes) sum += lane;
    for (; i < end; ++i) sum += probs[i];
    blocks[b] = sum;
    total += sum;
  }
  double left = u * total;
  size_t block = 0;
  while (block + 1 < blocks.size() && left >= blocks[block]) left -= blocks[block++];
  const int64_t begin = block * kBlock;
  const int64_t end = std::min<int64_t>(vocab, begin + kBlock);
  int64_t last = begin;
  for (int64_t i = begin; i < end; ++i) {
    if (probs[i] <= 0) continue;
    last = i;
    if (left < probs[i]) return static_cast<int32_t>(i);
    left -= probs[i];
  }
  // Rounding has used up the block: its last possible token, or the likeliest of all if it has none.
  if (probs[last] > 0) return static_cast<int32_t>(last);
  return static_cast<int32_t>(std::max_element(probs, probs + vocab) - probs);
}

}  // namespace

std::vector<Draw> DrawTokens(const at::Tensor& logits_MV, const std::vector<DrawRequest>& requests) {
  if (requests.empty()) return {};
  const int64_t vocab = logits_MV.size(1);
  // All requests of one call usually share their temperature: scale once, else row by row.
  const float temperature = requests.front().sampling->temperature;
  const bool uniform = std::all_of(requests.begin(), requests.end(), [&](const DrawRequest& request) {
    return request.sampling->temperature == temperature;
  });
  at::Tensor logits = logits_MV;
  if (!uniform) {
    std::vector<float> inverse(logits_MV.size(0), 1.0f);
    for (const DrawRequest& request : requests) {
      const float t = request.sampling->temperature;
      inverse[request.row] = t > 0 ? 1.0f / t : 1.0f;
    }
    logits = logits * torch::tensor(inverse).to(logits.device()).unsqueeze(1);
  } else if (temperature > 0 && temperature != 1.0f) {
    logits = logits / temperature;
  }
  const at::Tensor logprobs_MV = at::log_softmax(logits, 1, at::kFloat).cpu().contiguous();
  const at::Tensor probs_MV = logprobs_MV.exp();
  const float* logprobs = logprobs_MV.const_data_ptr<float>();
  const float* probs = probs_MV.const_data_ptr<float>();

  std::vector<Draw> draws(requests.size());
  at::parallel_for(0, static_cast<int64_t>(requests.size()), 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const DrawRequest& request = requests[i];
      const domain::SamplingParams& sampling = *request.sampling;
      const float* row = probs + request.row * vocab;
      int32_t token = 0;
      if (sampling.temperature <= 0) {
        const float* logprob_row = logprobs + request.row * vocab;
        token = static_cast<int32_t>(std::max_element(logprob_row, logprob_row + vocab) - logprob_row);
      } else {
        const double u = base::UniformAt(sampling.seed, request.stream, request.sibling, request.step);
        if (sampling.top_k > 0 || sampling.top_p < 1.0f) {
          std::vector<float> kept(row, row + vocab);
          KeepLikeliest(sampling, &kept);
          token = Invert(kept.data(), vocab, u);
        } else {
          token = Invert(row, vocab, u);
        }
      }
      draws[i] = {.token_id = token, .logprob = logprobs[request.row * vocab + token]};
    }
  });
  return draws;
}

}  // namespace convrec::rollout
