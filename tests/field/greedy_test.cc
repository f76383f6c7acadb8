// What models in tests/field write, greedily, from their raw prompts.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <string>
#include <vector>

#include "libs/base/files.h"
#include "libs/model/decoder.h"
#include "libs/model/testing/golden.h"
#include "libs/tokenizer/tokenizer.h"
#include "tests/support/paths.h"

namespace convrec::testing {
namespace {

// The text that follows `prompt`, up to a stop token and of at most `max_tokens` tokens.
std::string GreedyText(const model::Decoder& decoder,
                       const tokenizer::Tokenizer& tokenizer,
                       const std::string& prompt,
                       int max_tokens) {
  const c10::InferenceMode inference;
  std::vector<int64_t> ids;
  for (const int32_t id : tokenizer.Encode(prompt, {.add_special_tokens = true})) ids.push_back(id);
  std::string text;
  for (int i = 0; i < max_tokens; ++i) {
    const auto length = static_cast<int64_t>(ids.size());
    const at::Tensor hidden = model::RunTrunk(
        decoder, model::Layout({model::GroupShape{length, {}}}), at::tensor(ids, at::kLong));
    const auto next = decoder.Logits(hidden[length - 1].unsqueeze(0)).argmax().item<int64_t>();
    const auto& stops = tokenizer.stop_ids();
    if (std::find(stops.begin(), stops.end(), next) != stops.end()) break;
    text += tokenizer.TokenBytes(static_cast<int32_t>(next));
    ids.push_back(next);
  }
  return text;
}

TEST(FieldGreedyTest, TheHeadInTheFileWritesAndIsExported) {
  const std::string directory = SourcePath("tests/field/models/tied_other_head");
  const auto tokenizer = tokenizer::LoadTokenizer(directory);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const auto decoder = model::LoadDecoder(directory, {});
  ASSERT_TRUE(decoder.ok()) << decoder.status();
  EXPECT_EQ(GreedyText(**decoder, **tokenizer, "x", 20), "ABCDEFG");

  const base::TemporaryDirectory exported;
  ASSERT_TRUE(model::SaveDecoder(**decoder, exported.path(), "F32").ok());
  const auto again = model::LoadDecoder(exported.path(), {});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(GreedyText(**again, **tokenizer, "x", 20), "ABCDEFG");
}

}  // namespace
}  // namespace convrec::testing
