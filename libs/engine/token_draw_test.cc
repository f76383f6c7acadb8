#include "libs/engine/token_draw.h"

#include <gtest/gtest.h>

#include <cmath>

#include "libs/base/random.h"

namespace convrec::engine {
namespace {

std::vector<DrawRequest> Requests(int count, const domain::SamplingParams* sampling) {
  std::vector<DrawRequest> requests;
  for (int i = 0; i < count; ++i) {
    requests.push_back({.row = 0,
                        .sampling = sampling,
                        .stream = 7,
                        .sibling = static_cast<uint32_t>(i),
                        .step = 0});
  }
  return requests;
}

std::vector<float> Logs(std::vector<float> probs) {
  for (float& p : probs) p = std::log(p);
  return probs;
}

TEST(TokenDraw, GreedyTakesTheLikeliestAndTheLowestIdAmongEquals) {
  const domain::SamplingParams greedy{.temperature = 0};
  const std::vector<float> logits = {1, 3, 3, 0};
  EXPECT_EQ(DrawTokens(logits.data(), 4, Requests(1, &greedy))[0].token_id, 1);
}

// 20,000 draws: the share of each token is within 5 standard deviations of its probability.
TEST(TokenDraw, DrawsFollowTheDistribution) {
  const std::vector<float> probs = {0.5F, 0.3F, 0.15F, 0.05F}, logits = Logs(probs);
  const domain::SamplingParams sampling{.temperature = 1, .seed = 3};
  constexpr int kDraws = 20000;
  std::vector<int> counts(4);
  for (const Draw& draw : DrawTokens(logits.data(), 4, Requests(kDraws, &sampling))) {
    ++counts[static_cast<size_t>(draw.token_id)];
    EXPECT_NEAR(draw.logprob, std::log(probs[static_cast<size_t>(draw.token_id)]), 1e-5);
  }
  for (size_t i = 0; i < 4; ++i) {
    const double sigma = std::sqrt(probs[i] * (1 - probs[i]) / kDraws);
    EXPECT_NEAR(counts[i] / static_cast<double>(kDraws), probs[i], 5 * sigma);
  }
}

TEST(TokenDraw, FindsASingleLikelyTokenAnywhereInTheVocabulary) {
  const domain::SamplingParams sampling{.temperature = 1, .seed = 1};
  for (const int32_t likely : {0, 511, 512, 1023, 777, 1299}) {
    std::vector<float> logits(1300, -100.0F);
    logits[static_cast<size_t>(likely)] = 100.0F;
    EXPECT_EQ(DrawTokens(logits.data(), 1300, Requests(1, &sampling))[0].token_id, likely);
  }
}

TEST(TokenDraw, TemperatureScalesTheLogProbabilities) {
  const domain::SamplingParams hot{.temperature = 2, .seed = 1};
  const std::vector<float> logits = {0, 2};
  const Draw draw = DrawTokens(logits.data(), 2, Requests(1, &hot))[0];
  EXPECT_NEAR(draw.logprob, (draw.token_id == 1 ? 1.0 : 0.0) - std::log(1 + std::exp(1.0)), 1e-6);
}

TEST(TokenDraw, FiltersNeverDrawOutsideTheirSupportAndReportTheFullLogProbability) {
  const std::vector<float> probs = {0.4F, 0.3F, 0.2F, 0.1F}, logits = Logs(probs);
  const domain::SamplingParams top_k{.temperature = 1, .top_k = 2, .seed = 1};
  const domain::SamplingParams top_p{.temperature = 1, .top_p = 0.6F, .seed = 2};
  const domain::SamplingParams min_p{.temperature = 1, .min_p = 0.7F, .seed = 3};  // 0.28 and more.
  const domain::SamplingParams all{
      .temperature = 1, .top_k = 3, .top_p = 0.35F, .min_p = 0.1F, .seed = 4};
  for (const auto* sampling : {&top_k, &top_p, &min_p, &all}) {
    std::vector<int> seen(4);
    for (const Draw& draw : DrawTokens(logits.data(), 4, Requests(500, sampling))) {
      ASSERT_LT(draw.token_id, 2);
      ++seen[static_cast<size_t>(draw.token_id)];
      EXPECT_NEAR(draw.logprob, std::log(probs[static_cast<size_t>(draw.token_id)]), 1e-5);
    }
    EXPECT_GT(seen[0], 200);
    EXPECT_EQ(seen[1] > 0, sampling != &all);
  }
}

// Compared with a sort of the whole row, on random rows and settings.
TEST(TokenDraw, FiltersKeepWhatASortOfTheWholeRowKeeps) {
  base::RandomStream random(5, 1);
  for (int trial = 0; trial < 100; ++trial) {
    const int64_t vocab = 50 + static_cast<int64_t>(random.Below(2000));
    std::vector<float> logits(static_cast<size_t>(vocab));
    for (float& logit : logits) logit = static_cast<float>(random.Uniform() * 8);
    domain::SamplingParams sampling{.temperature = 1, .seed = random.Below(1000)};
    sampling.top_p =
        random.Below(2) == 0 ? 1.0F : static_cast<float>(0.05 + 0.9 * random.Uniform());
    sampling.top_k = random.Below(2) == 0 ? 0 : 1 + static_cast<int>(random.Below(40));
    std::vector<int32_t> order(static_cast<size_t>(vocab));
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int32_t>(i);
    std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
      return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)];
    });
    double total = 0, mass = 0;
    for (const float logit : logits) total += std::exp(double{logit});
    size_t keep = 0;
    while (keep < order.size() && mass < sampling.top_p * total) {
      mass += std::exp(double{logits[static_cast<size_t>(order[keep++])]});
    }
    if (sampling.top_k > 0) keep = std::min(keep, static_cast<size_t>(sampling.top_k));
    for (const Draw& draw : DrawTokens(logits.data(), vocab, Requests(50, &sampling))) {
      const auto rank = std::find(order.begin(), order.end(), draw.token_id) - order.begin();
      // One token at the edge may fall on either side by rounding.
      EXPECT_LE(rank, static_cast<int64_t>(keep))
          << "top_p " << sampling.top_p << " top_k " << sampling.top_k;
    }
  }
}

TEST(TokenDraw, OnlyLegalTokensAreDrawnAndTheSoftmaxIsOverThem) {
  const std::vector<float> logits = Logs({0.4F, 0.3F, 0.2F, 0.1F});
  const domain::SamplingParams sampling{.temperature = 1, .seed = 4};
  const std::vector<int32_t> legal = {1, 3};
  auto requests = Requests(200, &sampling);
  for (DrawRequest& request : requests) request.legal = &legal;
  for (const Draw& draw : DrawTokens(logits.data(), 4, requests)) {
    ASSERT_TRUE(draw.token_id == 1 || draw.token_id == 3);
    EXPECT_NEAR(draw.logprob, std::log(draw.token_id == 1 ? 0.75 : 0.25), 1e-5);
  }
}

TEST(TokenDraw, LikeliestTokensComeInOrder) {
  const std::vector<float> logits = Logs({0.1F, 0.4F, 0.2F, 0.3F});
  const domain::SamplingParams sampling{.temperature = 1, .seed = 4};
  auto requests = Requests(1, &sampling);
  requests[0].num_top_logprobs = 3;
  const Draw draw = DrawTokens(logits.data(), 4, requests)[0];
  ASSERT_EQ(draw.top.size(), 3u);
  EXPECT_EQ(draw.top[0].token_id, 1);
  EXPECT_EQ(draw.top[1].token_id, 3);
  EXPECT_EQ(draw.top[2].token_id, 2);
  EXPECT_NEAR(draw.top[1].logprob, std::log(0.3), 1e-5);
}

TEST(TokenDraw, ValuesOutOfRangeAreNamed) {
  EXPECT_EQ(SamplingFault({}), "");
  EXPECT_NE(SamplingFault({.temperature = -1}).find("temperature"), std::string::npos);
  EXPECT_NE(SamplingFault({.top_k = -1}).find("top_k"), std::string::npos);
  EXPECT_NE(SamplingFault({.top_p = 0}).find("top_p"), std::string::npos);
  EXPECT_NE(SamplingFault({.min_p = 2}).find("min_p"), std::string::npos);
  EXPECT_NE(SamplingFault({.max_new_tokens = 0}).find("max_new_tokens"), std::string::npos);
}

}  // namespace
}  // namespace convrec::engine
