#include "libs/engine/sampler.h"

#include <gtest/gtest.h>
#include <torch/types.h>

namespace convrec::engine {
namespace {

TEST(SamplerTest, TheWayOfOtherDevicesDrawsWhatTheCpuDraws) {
  const at::Tensor logits = at::randn({3, 5000}) * 3;
  const domain::SamplingParams cold{.temperature = 0.7F, .seed = 3},
      hot{.temperature = 1.5F, .seed = 4};
  std::vector<DrawRequest> requests;
  for (int i = 0; i < 600; ++i) {
    requests.push_back({.row = i % 3,
                        .sampling = i % 2 == 0 ? &cold : &hot,
                        .stream = 1,
                        .sibling = static_cast<uint32_t>(i),
                        .step = 2});
    EXPECT_TRUE(IsPlain(requests.back()));
  }
  const auto here = DrawTokens(logits, requests);
  const auto there = DrawPlainTokens(logits, requests);
  int differ = 0;  // Only where the random number falls on the rounding of a border.
  for (size_t i = 0; i < here.size(); ++i) {
    differ += here[i].token_id != there[i].token_id;
    if (here[i].token_id == there[i].token_id) {
      EXPECT_NEAR(here[i].logprob, there[i].logprob, 1e-5);
    }
  }
  EXPECT_LE(differ, 2);
}

TEST(SamplerTest, RequestsWithAnyOtherWishAreNotPlain) {
  const domain::SamplingParams greedy{.temperature = 0}, top_k{.top_k = 3}, top_p{.top_p = 0.5F},
      min_p{.min_p = 0.1F};
  for (const auto* sampling : {&greedy, &top_k, &top_p, &min_p})
    EXPECT_FALSE(IsPlain({.sampling = sampling}));
}

}  // namespace
}  // namespace convrec::engine
