// What the golden cases do not hold; they compare the rendered families.
#include "libs/tokenizer/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "libs/tokenizer/testing/files.h"

namespace convrec::tokenizer {
namespace {

using testing::HasSubstr;

std::unique_ptr<const Tokenizer> WithTemplate(const std::string& family, const std::string& jinja) {
  TokenizerFiles files = FixtureFiles(family);
  files.chat_template_jinja = jinja;
  return MakeOrDie(files);
}

std::string Prompt(const Tokenizer& tokenizer, const ChatTemplate::Options& options) {
  const auto chat = ChatTemplate::Create(&tokenizer, options);
  EXPECT_TRUE(chat.ok()) << chat.status();
  const std::vector<ChatMessage> messages = {{"user", "Hi"}};
  return chat->RenderPrompt(messages).value_or("");
}

TEST(ChatTemplateTest, NoTemplateIsPlain) {
  const auto tokenizer = MakeOrDie(FixtureFiles("llama3"));
  const auto chat = ChatTemplate::Create(tokenizer.get(), {});
  ASSERT_TRUE(chat.ok());
  EXPECT_EQ(chat->format(), ChatFormat::kPlain);
  const std::vector<ChatMessage> messages = {{"system", "a "}, {"user", "b"}};
  EXPECT_EQ(*chat->RenderPrompt(messages), "a b");
}

TEST(ChatTemplateTest, PlainPromptStartsWithTheTokenizersBos) {
  const auto tokenizer = MakeOrDie(FixtureFiles("llama3"));
  const auto chat = ChatTemplate::Create(tokenizer.get(), {});
  const std::vector<ChatMessage> messages = {{"user", "Hi"}};
  EXPECT_EQ(*chat->EncodePrompt(messages), tokenizer->Encode("<|begin_of_text|>Hi"));
}

TEST(ChatTemplateTest, MarkupHoldsTheBosOnce) {
  const auto tokenizer = MakeOrDie(FixtureFiles("llama3"));
  const auto chat = ChatTemplate::Create(tokenizer.get(), {.format = ChatFormat::kLlama3});
  const std::vector<ChatMessage> messages = {{"user", "Hi"}};
  const auto ids = chat->EncodePrompt(messages);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(std::count(ids->begin(), ids->end(), *tokenizer->bos_id()), 1);
}

TEST(ChatTemplateTest, UnknownTemplateNamesTheOptionToSet) {
  for (const char* jinja :
       {"[INST] {{ messages[0].content }} [/INST]",
        "{{ '<|im_start|>assistant\n' }}<|im_sep|>{{ '<|im_end|>' }}",
        "{{ '<|im_start|>assistant\n' + message.content | trim + '<|im_end|>' }}",
        "<|start_header_id|>user<|end_header_id|>\nx<|eot_id|>"}) {
    const auto tokenizer = WithTemplate("qwen2", jinja);
    const auto chat = ChatTemplate::Create(tokenizer.get(), {});
    EXPECT_THAT(std::string(chat.status().message()), HasSubstr("model.chat_format")) << jinja;
  }
}

TEST(ChatTemplateTest, SetFormatGoesBeforeTheTemplate) {
  const auto tokenizer = WithTemplate("qwen2", "[INST] unknown [/INST]");
  EXPECT_EQ(Prompt(*tokenizer, {.format = ChatFormat::kChatMl}),
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(Prompt(*tokenizer, {.format = ChatFormat::kPlain}), "Hi");
}

TEST(ChatTemplateTest, DateIsPinned) {
  const auto tokenizer = WithTemplate(
      "llama3",
      "{{ bos_token }}<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: "
      "{{ message['content'] | trim }}<|eot_id|>");
  EXPECT_THAT(Prompt(*tokenizer, {}), HasSubstr("\nToday Date: 26 Jul 2024\n\n<|eot_id|>"));
}

TEST(ChatTemplateTest, ThinkingModelStartsWithItsThoughts) {
  const auto tokenizer = WithTemplate(
      "qwen2",
      R"(last_query_index reasoning_content '<|im_end|>' {{- '<|im_start|>assistant\n<think>\n' }})");
  EXPECT_THAT(Prompt(*tokenizer, {}), testing::EndsWith("<|im_start|>assistant\n<think>\n"));
}

TEST(ChatTemplateTest, OtherRolesAndEmptyChatsAreRefused) {
  const auto tokenizer = MakeOrDie(FixtureFiles("qwen2"));
  const auto chat = ChatTemplate::Create(tokenizer.get(), {});
  const std::vector<ChatMessage> messages = {{"tool", "x"}};
  EXPECT_TRUE(absl::IsInvalidArgument(chat->RenderPrompt(messages).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(chat->RenderPrompt({}).status()));
}

}  // namespace
}  // namespace convrec::tokenizer
