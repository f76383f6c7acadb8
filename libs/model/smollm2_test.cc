// SmolLM2-135M-Instruct's greedy continuation, as given by transformers on the same weights.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "libs/base/files.h"
#include "libs/model/testing/golden.h"

namespace convrec::model {
namespace {

TEST(Smollm2Test, GreedyIdsEqualTransformers) {
  const char* directory = std::getenv("CONVREC_SMOLLM2");
  if (directory == nullptr) GTEST_SKIP() << "CONVREC_SMOLLM2 names no model directory";
  const c10::InferenceMode inference;
  const auto text = base::ReadFile(GoldenPath("smollm2.json"));
  ASSERT_TRUE(text.ok()) << text.status();
  const nlohmann::json golden = nlohmann::json::parse(*text);
  const auto decoder = LoadDecoder(directory, {});
  ASSERT_TRUE(decoder.ok()) << decoder.status();
  std::vector<int64_t> ids = golden["prompt_ids"].get<std::vector<int64_t>>();
  const size_t prompt_size = ids.size();
  const std::vector<int64_t> expected = golden["greedy_ids"].get<std::vector<int64_t>>();
  ids.insert(ids.end(), expected.begin(), expected.end());
  // One pass over the whole text: every position must choose the id that follows it.
  const at::Tensor hidden = RunTrunk(
      **decoder, Layout({{static_cast<int64_t>(ids.size()), {}}}), at::tensor(ids, at::kLong));
  const at::Tensor logits =
      (*decoder)->Logits(hidden.slice(0, static_cast<int64_t>(prompt_size) - 1, -1));
  const at::Tensor chosen = logits.argmax(1);
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(chosen[static_cast<int64_t>(i)].item<int64_t>(), expected[i]) << "step " << i;
  }
  const std::vector<float> first = golden["first_logits"].get<std::vector<float>>();
  EXPECT_LT(
      MaxDifference(logits[0].slice(0, 0, static_cast<int64_t>(first.size())), at::tensor(first)),
      1e-3);
}

}  // namespace
}  // namespace convrec::model
