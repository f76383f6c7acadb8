#include "libs/engine/token_draw.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/random.h"
#include "libs/kernels/kernel_table.h"
#include "libs/kernels/parallel.h"

namespace convrec::engine {
namespace {

constexpr int64_t kBlock =
    512;  // Number of tokens whose probabilities are summed before one of them is searched for.

// Tokens and their logits, in the order of ids.
struct Candidates {
  std::vector<int32_t> ids;
  std::vector<float> logits;
};

double Uniform(const DrawRequest& request) {
  return base::UniformAt(request.sampling->seed, request.stream, request.sibling, request.step);
}

// Index at which the cumulative weights, exp((logit - most) * scale), exceed u times their sum.
int64_t Invert(
    const float* logits, int64_t count, float most, float scale, double u, double* total) {
  const kernels::KernelTable& kernels = kernels::Kernels();
  static thread_local std::vector<float> blocks;
  blocks.clear();
  *total = 0;
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    blocks.push_back(kernels.sum_exp(logits + begin, std::min(kBlock, count - begin), most, scale));
    *total += blocks.back();
  }
  if (u < 0) return -1;
  double left = u * *total;
  size_t block = 0;
  while (block + 1 < blocks.size() && left >= blocks[block]) left -= blocks[block++];
  const int64_t begin = static_cast<int64_t>(block) * kBlock,
                size = std::min(kBlock, count - begin);
  std::array<float, kBlock> weights;
  weights.fill(-INFINITY);
  std::copy_n(logits + begin, size, weights.begin());
  kernels.exp_in_place(weights.data(), kBlock, most, scale);
  int64_t last = -1;
  for (int64_t i = 0; i < size; ++i) {
    const float weight = weights[static_cast<size_t>(i)];
    if (weight <= 0) continue;
    last = i;
    if (left < weight) break;
    left -= weight;
  }
  // If rounding has used up the block, its last possible token is taken; the likeliest if it has
  // none.
  if (last >= 0) return begin + last;
  return std::max_element(logits, logits + count) - logits;
}

// Keeps what min-p, top-k and top-p allow, in the order of ids.
Candidates Filter(const float* logits,
                  const int32_t* ids,
                  int64_t count,
                  const domain::SamplingParams& sampling,
                  float most,
                  float scale) {
  const auto id_of = [ids](int64_t i) { return ids != nullptr ? ids[i] : static_cast<int32_t>(i); };
  std::vector<int64_t> kept(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) kept[static_cast<size_t>(i)] = i;
  const auto likelier = [&](int64_t a, int64_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : id_of(a) < id_of(b);
  };
  // Weights relative to the likeliest token.
  const auto keep_above = [&](double least) {
    const float bound = static_cast<float>(std::log(least)) / scale + most;
    std::erase_if(kept, [&](int64_t i) { return logits[i] < bound; });
  };
  double total = 0;
  if (sampling.top_p < 1.0F) Invert(logits, count, most, scale, -1, &total);
  if (sampling.min_p > 0.0F) keep_above(sampling.min_p);
  if (sampling.top_p < 1.0F) {
    // All tokens below this weight together have less than 1 - top_p, so none of them is needed.
    keep_above((1.0 - sampling.top_p) * total / static_cast<double>(count));
  }
  if (sampling.top_k > 0 && static_cast<size_t>(sampling.top_k) < kept.size()) {
    std::nth_element(kept.begin(), kept.begin() + sampling.top_k, kept.end(), likelier);
    kept.resize(static_cast<size_t>(sampling.top_k));
  }
  if (sampling.top_p < 1.0F) {
    std::sort(kept.begin(), kept.end(), likelier);
    double mass = 0;
    size_t within = 0;
    while (within < kept.size() && mass < sampling.top_p * total) {
      mass += std::exp((double{logits[kept[within]]} - most) * scale);
      ++within;
    }
    kept.resize(std::max<size_t>(within, 1));
  }
  std::sort(kept.begin(), kept.end());
  Candidates result;
  for (const int64_t i : kept) {
    result.ids.push_back(id_of(i));
    result.logits.push_back(logits[i]);
  }
  return result;
}

}  // namespace

std::string SamplingFault(const domain::SamplingParams& sampling) {
  if (!(sampling.temperature >= 0) || !std::isfinite(sampling.temperature)) {
    return absl::StrCat("temperature is ", sampling.temperature, ": expected 0 or more");
  }
  if (sampling.temperature > 0 && sampling.temperature < 1e-3F) {
    return absl::StrCat("temperature is ", sampling.temperature, ": expected 0, or at least 0.001");
  }
  if (!(sampling.top_p > 0 && sampling.top_p <= 1)) {
    return absl::StrCat("top_p is ", sampling.top_p, ": expected more than 0 and at most 1");
  }
  if (!(sampling.min_p >= 0 && sampling.min_p <= 1)) {
    return absl::StrCat("min_p is ", sampling.min_p, ": expected 0 to 1");
  }
  if (sampling.top_k < 0) return absl::StrCat("top_k is ", sampling.top_k, ": expected 0 or more");
  if (sampling.max_new_tokens <= 0) {
    return absl::StrCat("max_new_tokens is ", sampling.max_new_tokens, ": expected at least 1");
  }
  return "";
}

Draw DrawToken(const float* logits, int64_t vocab, const DrawRequest& request) {
  const domain::SamplingParams& sampling = *request.sampling;
  const kernels::KernelTable& kernels = kernels::Kernels();
  const int32_t* ids = nullptr;
  int64_t count = vocab;
  static thread_local std::vector<float> gathered;
  if (request.legal != nullptr) {
    CR_CHECK(!request.legal->empty(), "no legal token");
    gathered.clear();
    for (const int32_t id : *request.legal) gathered.push_back(logits[id]);
    ids = request.legal->data();
    logits = gathered.data();
    count = static_cast<int64_t>(gathered.size());
  }
  const auto id_of = [ids](int64_t i) { return ids != nullptr ? ids[i] : static_cast<int32_t>(i); };
  const bool is_greedy = sampling.temperature == 0;
  const float scale = is_greedy ? 1.0F : 1.0F / sampling.temperature;
  const float most = kernels.max(logits, count);

  const bool is_filtered =
      !is_greedy && (sampling.top_k > 0 || sampling.top_p < 1.0F || sampling.min_p > 0.0F);
  double total = 0;
  const double u = is_greedy ? 0 : Uniform(request);
  int64_t index = Invert(logits, count, most, scale, is_greedy || is_filtered ? -1 : u, &total);
  Draw draw;
  float logit = most;
  if (is_greedy) {
    index = std::find(logits, logits + count, most) - logits;
    draw.token_id = id_of(std::min(index, count - 1));
  } else if (is_filtered) {
    const Candidates kept = Filter(logits, ids, count, sampling, most, scale);
    double kept_total = 0;
    index = Invert(
        kept.logits.data(), static_cast<int64_t>(kept.ids.size()), most, scale, u, &kept_total);
    draw.token_id = kept.ids[static_cast<size_t>(index)];
    logit = kept.logits[static_cast<size_t>(index)];
  } else {
    draw.token_id = id_of(index);
    logit = logits[index];
  }
  const double log_total = std::log(total);
  const auto logprob = [&](float x) {
    return static_cast<float>((double{x} - most) * scale - log_total);
  };
  draw.logprob = count == 1 ? 0.0F : logprob(logit);
  if (request.num_top_logprobs > 0) {
    std::vector<int64_t> order(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) order[static_cast<size_t>(i)] = i;
    const auto wanted = std::min<int64_t>(request.num_top_logprobs, count);
    std::partial_sort(
        order.begin(), order.begin() + wanted, order.end(), [&](int64_t a, int64_t b) {
          return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
        });
    for (int64_t i = 0; i < wanted; ++i) {
      const int64_t at = order[static_cast<size_t>(i)];
      draw.top.push_back({.token_id = id_of(at), .logprob = logprob(logits[at])});
    }
  }
  return draw;
}

std::vector<Draw> DrawTokens(const float* logits,
                             int64_t vocab,
                             const std::vector<DrawRequest>& requests) {
  std::vector<Draw> draws(requests.size());
  kernels::ParallelFor(static_cast<int64_t>(requests.size()), [&](int64_t i) {
    const DrawRequest& request = requests[static_cast<size_t>(i)];
    draws[static_cast<size_t>(i)] = DrawToken(logits + request.row * vocab, vocab, request);
  });
  return draws;
}

}  // namespace convrec::engine
