#include "services/rollout/engine/sampler.h"

#include <gtest/gtest.h>

#include <cmath>

#include <torch/types.h>

namespace convrec::rollout {
namespace {

std::vector<DrawRequest> Requests(int count, const domain::SamplingParams* sampling) {
  std::vector<DrawRequest> requests;
  for (int i = 0; i < count; ++i) {
    requests.push_back({.row = 0, .sampling = sampling, .stream = 7, .sibling = static_cast<uint32_t>(i), .step = 0});
  }
  return requests;
}

TEST(SamplerTest, GreedyTakesTheLikeliestAndTheLowestIdAmongEquals) {
  const domain::SamplingParams greedy{.temperature = 0};
  const auto draws = DrawTokens(torch::tensor({{1.0f, 3.0f, 3.0f, 0.0f}}), Requests(1, &greedy));
  EXPECT_EQ(draws[0].token_id, 1);
}

// 20,000 draws: the share of each token is within 5 standard deviations of its probability.
TEST(SamplerTest, DrawsFollowTheDistribution) {
  const std::vector<float> probs = {0.5f, 0.3f, 0.15f, 0.05f};
  const at::Tensor logits = torch::tensor(probs).log().unsqueeze(0);
  const domain::SamplingParams sampling{.temperature = 1, .seed = 3};
  constexpr int kDraws = 20000;
  std::vector<int> counts(4);
  for (const Draw& draw : DrawTokens(logits, Requests(kDraws, &sampling))) {
    ++counts[draw.token_id];
    EXPECT_NEAR(draw.logprob, std::log(probs[draw.token_id]), 1e-5);
  }
  for (size_t i = 0; i < 4; ++i) {
    const double sigma = std::sqrt(probs[i] * (1 - probs[i]) / kDraws);
    EXPECT_NEAR(counts[i] / static_cast<double>(kDraws), probs[i], 5 * sigma);
  }
}

// Many blocks of the cumulative sum: a vocabulary of 1,000 with all mass on one token of each row.
TEST(SamplerTest, FindsASingleLikelyTokenAnywhereInTheVocabulary) {
  const domain::SamplingParams sampling{.temperature = 1, .seed = 1};
  for (int64_t likely : {0, 255, 256, 511, 777, 999}) {
    at::Tensor logits = at::full({1, 1000}, -100.0f);
    logits[0][likely] = 100.0f;
    EXPECT_EQ(DrawTokens(logits, Requests(1, &sampling))[0].token_id, likely);
  }
}

TEST(SamplerTest, TemperatureScalesTheLogProbabilities) {
  const domain::SamplingParams hot{.temperature = 2, .seed = 1};
  const auto draws = DrawTokens(torch::tensor({{0.0f, 2.0f}}), Requests(1, &hot));
  const double z = std::log(1 + std::exp(1.0));  // logits / 2 = {0, 1}
  EXPECT_NEAR(draws[0].logprob, (draws[0].token_id == 1 ? 1.0 : 0.0) - z, 1e-6);
}

TEST(SamplerTest, TopKAndTopPNeverDrawOutsideTheirSupport) {
  const at::Tensor logits = torch::tensor({0.4f, 0.3f, 0.2f, 0.1f}).log().unsqueeze(0);
  const domain::SamplingParams top_k{.temperature = 1, .top_k = 2, .seed = 1};
  const domain::SamplingParams top_p{.temperature = 1, .top_p = 0.6f, .seed = 2};
  for (const Draw& draw : DrawTokens(logits, Requests(500, &top_k))) EXPECT_LT(draw.token_id, 2);
  for (const Draw& draw : DrawTokens(logits, Requests(500, &top_p))) EXPECT_LT(draw.token_id, 2);
}

}  // namespace
}  // namespace convrec::rollout
