#include "libs/prompt/prompt_renderer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/paths.h"

namespace convrec::prompt {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class PromptRendererTest : public testing::Test {
 protected:
  PromptRendererTest() {
    auto tokenizer = tokenizer::LoadTokenizer(SourcePath("tests/golden/tokenizer/qwen2"));
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
    tokenizer_ = *std::move(tokenizer);
    prompt_.instruction = "Name {num_items}: {conversation}";
    prompt_.num_ranks = 5;
    prompt_.chat.format = tokenizer::ChatFormat::kChatMl;
  }

  PromptRenderer Renderer() const {
    auto renderer = PromptRenderer::Create(prompt_, tokenizer_.get());
    EXPECT_TRUE(renderer.ok()) << renderer.status();
    return *std::move(renderer);
  }
  std::string TextOf(const absl::StatusOr<RenderedPrompt>& rendered) const {
    EXPECT_TRUE(rendered.ok()) << rendered.status();
    std::string text;
    if (!rendered.ok()) return text;
    for (const int32_t id : rendered->token_ids) text += tokenizer_->TokenText(id);
    return text;
  }
  std::string Chat(const std::vector<tokenizer::ChatMessage>& messages) const {
    return TextOf(Renderer().EncodeChat(messages));
  }

  std::unique_ptr<const tokenizer::Tokenizer> tokenizer_;
  ModelPrompt prompt_;
};

TEST_F(PromptRendererTest, AChatIsTheDialogueOfTraining) {
  const std::vector<domain::Turn> turns = {{"user", "Hi"}, {"assistant", "Yes?"}, {"user", "Heat"}};
  const std::string expected =
      "<|im_start|>user\nName 5: USER: Hi\nASSISTANT: Yes?\nUSER: Heat<|im_end|>\n"
      "<|im_start|>assistant\n";
  EXPECT_EQ(TextOf(Renderer().Encode(turns, PromptForm::kDialogue)), expected);
  EXPECT_EQ(Chat({{"user", "Hi"}, {"assistant", "Yes?"}, {"user", "Heat"}}), expected);
}

TEST_F(PromptRendererTest, RowsThatAreChatsGoToTheTemplateAsTheyAre) {
  prompt_.form = PromptForm::kChat;
  const std::string expected = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";
  EXPECT_EQ(TextOf(Renderer().Encode({{"user", "Hi"}}, PromptForm::kChat)), expected);
  EXPECT_EQ(Chat({{"user", "Hi"}}), expected);
}

TEST_F(PromptRendererTest, ASystemMessageTakesThePlaceOfTheInstruction) {
  EXPECT_EQ(Chat({{"system", "Only {num_items} comedies."}, {"user", "Hi"}}),
            "<|im_start|>user\nOnly {num_items} comedies.\n\nUSER: Hi<|im_end|>\n"
            "<|im_start|>assistant\n");
  EXPECT_EQ(Chat({{"system", "{num_items} for [{conversation}]"}, {"user", "Hi"}}),
            "<|im_start|>user\n5 for [USER: Hi]<|im_end|>\n<|im_start|>assistant\n");
}

TEST_F(PromptRendererTest, AChatThatIsNoDialogueIsRefused) {
  const std::vector<std::pair<std::vector<tokenizer::ChatMessage>, std::string>> cases = {
      {{{"user", "a"}, {"system", "b"}}, "message 2 has the role system"},
      {{{"tool", "a"}}, "message 1 has the role tool"},
      {{{"system", "a"}}, "at least one message"},
      {{}, "at least one message"}};
  for (const auto& [messages, expected] : cases) {
    const auto rendered = Renderer().EncodeChat(messages);
    EXPECT_TRUE(absl::IsInvalidArgument(rendered.status()));
    EXPECT_THAT(std::string(rendered.status().message()), HasSubstr(expected));
  }
}

TEST_F(PromptRendererTest, LongPromptsAreCutAsInTraining) {
  const std::vector<domain::Turn> turns = {{"user", std::string(200, 'x')}, {"user", "Heat"}};
  const std::vector<tokenizer::ChatMessage> chat = {{"user", turns[0].text}, {"user", "Heat"}};
  prompt_.max_prompt_tokens = 40;
  const auto last = Renderer().EncodeChat(chat);
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_TRUE(last->is_cut);
  EXPECT_EQ(last->token_ids.size(), 40u);
  EXPECT_EQ(last->token_ids, Renderer().Encode(turns, PromptForm::kDialogue)->token_ids);
  EXPECT_THAT(TextOf(last), Not(HasSubstr("Name 5")));

  prompt_.keep = PromptKeep::kEnds;
  const auto ends = Renderer().EncodeChat(chat);
  ASSERT_TRUE(ends.ok()) << ends.status();
  EXPECT_TRUE(ends->is_cut);
  EXPECT_EQ(TextOf(ends),
            "<|im_start|>user\nName 5: USER: Heat<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(ends->token_ids, Renderer().Encode(turns, PromptForm::kDialogue)->token_ids);
}

TEST_F(PromptRendererTest, AWrongInstructionIsNamed) {
  prompt_.instruction = "no place";
  const auto renderer = PromptRenderer::Create(prompt_, tokenizer_.get());
  EXPECT_THAT(std::string(renderer.status().message()), HasSubstr("{conversation} 0 times"));
}

}  // namespace
}  // namespace convrec::prompt
