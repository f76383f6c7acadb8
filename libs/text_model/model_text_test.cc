#include "libs/text_model/model_text.h"

#include <gtest/gtest.h>

#include "libs/text_model/testing/test_tokenizer.h"

namespace convrec::text_model {
namespace {

TEST(ModelTextTest, AChatIsRenderedByTheModelsTemplate) {
  const auto text = ByteModelText();
  const auto ids = text->EncodeChat(std::vector<tokenizer::ChatMessage>{{"user", "hi"}});
  ASSERT_TRUE(ids.ok()) << ids.status();
  std::string rendered;
  for (const int32_t id : *ids) rendered += text->tokenizer().TokenText(id);
  EXPECT_EQ(rendered, "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
}

TEST(ModelTextTest, AMissingModelIsNamed) {
  const auto text = ModelText::Load("/nonexistent/model", {});
  EXPECT_NE(text.status().message().find("/nonexistent/model"), std::string::npos);
}

TEST(AnswerTokensTest, TheWantedLengthIsTakenWhenItFits) {
  EXPECT_EQ(*AnswerTokens(/*context_length=*/100, /*num_prompt_tokens=*/90, /*wanted=*/10, 5), 10);
}

TEST(AnswerTokensTest, WithoutAWishTheContextAndTheDefaultLimitTheAnswer) {
  EXPECT_EQ(*AnswerTokens(100, 90, 0, 50), 10);
  EXPECT_EQ(*AnswerTokens(100, 20, 0, 50), 50);
}

TEST(AnswerTokensTest, WhatDoesNotFitIsRefusedWithTheFigures) {
  const auto too_long = AnswerTokens(100, 90, 11, 50);
  EXPECT_TRUE(absl::IsInvalidArgument(too_long.status()));
  for (const char* figure : {"100", "90", "10", "11"}) {
    EXPECT_NE(too_long.status().message().find(figure), std::string::npos) << figure;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(AnswerTokens(100, 100, 0, 50).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(AnswerTokens(100, 0, 5, 50).status()));
}

}  // namespace
}  // namespace convrec::text_model
