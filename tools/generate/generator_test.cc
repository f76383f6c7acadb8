#include "tools/generate/generator.h"

#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "libs/base/testing/fake_clock.h"
#include "libs/text_model/testing/fake_engine.h"
#include "libs/text_model/testing/test_tokenizer.h"

namespace convrec::generate {
namespace {

using text_model::FakeEngine;

class Recorder final : public CompletionObserver {
 public:
  void OnDelta(int index, const text_model::TextDelta& delta) override {
    EXPECT_EQ(ends.count(index), 0u);
    texts[index] += delta.text;
  }
  void OnEnd(int index, std::optional<domain::FinishReason> reason) override {
    EXPECT_TRUE(ends.emplace(index, reason).second);
  }

  std::map<int, std::string> texts;
  std::map<int, std::optional<domain::FinishReason>> ends;
};

class GeneratorTest : public ::testing::Test {
 protected:
  absl::StatusOr<GenerationFigures> Run(
      const GenerationInput& input,
      const std::function<bool()>& should_stop = [] { return false; }) {
    return Generate(&engine_, *tokenizer_, clock_, input, should_stop, &recorder_);
  }
  static GenerationInput Input(int num_completions) {
    return {.prompt_token_ids = text_model::BytesOf("hi"),
            .sampling = {},
            .num_completions = num_completions};
  }

  const std::unique_ptr<const tokenizer::Tokenizer> tokenizer_ = text_model::ByteTokenizer();
  FakeEngine engine_{[](const engine::GenerationRequest&, int sibling) {
                       return text_model::Ended(absl::StrCat("text ", sibling));
                     },
                     text_model::kStopId};
  base::FakeClock clock_;
  Recorder recorder_;
};

TEST_F(GeneratorTest, AllCompletionsComeToTheirEnd) {
  const auto figures = Run(Input(2));
  ASSERT_TRUE(figures.ok()) << figures.status();
  EXPECT_EQ(recorder_.texts, (std::map<int, std::string>{{0, "text 0"}, {1, "text 1"}}));
  EXPECT_EQ(recorder_.ends[1], domain::FinishReason::kStop);
  EXPECT_EQ(figures->num_tokens, 14);  // Twice six bytes and the stop token.
  EXPECT_EQ(figures->num_first_tokens, 2);
  EXPECT_FALSE(figures->was_stopped);
}

TEST_F(GeneratorTest, AStopStringEndsTheDrawing) {
  GenerationInput input = Input(1);
  input.stops = {"xt"};
  const auto figures = Run(input);
  ASSERT_TRUE(figures.ok());
  EXPECT_EQ(recorder_.texts[0], "te");
  EXPECT_EQ(figures->num_tokens, 4);
  EXPECT_TRUE(engine_.idle());
}

TEST_F(GeneratorTest, AStopFromOutsideKeepsWhatWasDrawn) {
  int steps = 0;
  const auto figures = Run(Input(2), [&] { return steps++ == 3; });
  ASSERT_TRUE(figures.ok());
  EXPECT_TRUE(figures->was_stopped);
  EXPECT_EQ(recorder_.texts[0], "tex");
  EXPECT_EQ(
      recorder_.ends,
      (std::map<int, std::optional<domain::FinishReason>>{{0, std::nullopt}, {1, std::nullopt}}));
  EXPECT_TRUE(engine_.idle());
}

TEST_F(GeneratorTest, WhatTheEngineRefusesIsAnError) {
  EXPECT_TRUE(absl::IsInvalidArgument(Run(Input(100)).status()));
}

TEST_F(GeneratorTest, AFailingEngineIsAnError) {
  engine_.FailNextStep(absl::InternalError("out of memory"));
  EXPECT_EQ(Run(Input(1)).status().code(), absl::StatusCode::kInternal);
}

TEST(GenerationFiguresTest, SpeedIsThatOfTheTokensAfterTheFirstStep) {
  GenerationFigures figures;
  EXPECT_EQ(figures.TokensPerSecond(), 0);
  figures.num_tokens = 22;
  figures.num_first_tokens = 2;
  figures.until_first_token = absl::Seconds(1);
  figures.total = absl::Seconds(5);
  EXPECT_EQ(figures.TokensPerSecond(), 5);  // 20 tokens in 4 s.
}

}  // namespace
}  // namespace convrec::generate
