// What the golden cases do not cover; they compare rendered templates.
#include "libs/tokenizer/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "libs/base/files.h"
#include "libs/tokenizer/testing/files.h"

namespace convrec::tokenizer {
namespace {

using testing::HasSubstr;

const std::vector<ChatMessage> kHi = {{"user", "Hi"}};

std::unique_ptr<const Tokenizer> WithTemplate(const std::string& family, const std::string& jinja) {
  TokenizerFiles files = FixtureFiles(family);
  files.chat_template_jinja = jinja;
  return MakeOrDie(files);
}

std::string Prompt(const Tokenizer& tokenizer,
                   const ChatTemplate::Options& options,
                   const std::string& more_arguments = "") {
  const auto chat = ChatTemplate::Create(&tokenizer, options);
  EXPECT_TRUE(chat.ok()) << chat.status();
  const auto prompt = chat->RenderPrompt(kHi, more_arguments);
  EXPECT_TRUE(prompt.ok()) << prompt.status();
  return prompt.value_or("");
}

TEST(ChatTemplateTest, NoTemplateIsPlain) {
  const auto tokenizer = MakeOrDie(FixtureFiles("llama3"));
  const auto chat = ChatTemplate::Create(tokenizer.get(), {});
  ASSERT_TRUE(chat.ok());
  EXPECT_TRUE(chat->is_plain());
  const std::vector<ChatMessage> messages = {{"system", "a "}, {"user", "b"}};
  EXPECT_EQ(*chat->RenderPrompt(messages), "a b");
}

TEST(ChatTemplateTest, PlainPromptStartsWithTheTokenizersBos) {
  const auto tokenizer = MakeOrDie(FixtureFiles("llama3"));
  const auto chat = ChatTemplate::Create(tokenizer.get(), {});
  EXPECT_EQ(*chat->EncodePrompt(kHi), tokenizer->Encode("<|begin_of_text|>Hi"));
}

TEST(ChatTemplateTest, ATemplateWritesTheBosOnce) {
  const auto tokenizer = WithTemplate("llama3", "{{ bos_token }}{{ messages[0].content }}");
  const auto chat = ChatTemplate::Create(tokenizer.get(), {});
  const auto ids = chat->EncodePrompt(kHi);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(std::count(ids->begin(), ids->end(), *tokenizer->bos_id()), 1);
}

TEST(ChatTemplateTest, WhatIsNotKnownIsRefusedWithItsPlaceAndTheWayOut) {
  const auto tokenizer = WithTemplate("qwen2", "x\n{{ messages | frobnicate }}");
  const std::string message(ChatTemplate::Create(tokenizer.get(), {}).status().message());
  EXPECT_THAT(message, HasSubstr("line 2, column 15: the filter 'frobnicate' is not known"));
  EXPECT_THAT(message, HasSubstr("model.chat_format"));
}

TEST(ChatTemplateTest, WhatTheTemplateRefusesIsToldInItsWords) {
  const auto tokenizer = WithTemplate("qwen2", "{{ raise_exception('no users here') }}");
  const auto chat = ChatTemplate::Create(tokenizer.get(), {});
  const auto prompt = chat->RenderPrompt(kHi);
  EXPECT_TRUE(absl::IsInvalidArgument(prompt.status()));
  EXPECT_THAT(std::string(prompt.status().message()), HasSubstr("no users here"));
}

TEST(ChatTemplateTest, ASetFormatGoesBeforeTheTemplate) {
  const auto tokenizer = WithTemplate("qwen2", "{{ broken");
  EXPECT_EQ(Prompt(*tokenizer, {.format = ChatFormat::kChatMl}),
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(Prompt(*tokenizer, {.format = ChatFormat::kPlain}), "Hi");
  const auto llama = MakeOrDie(FixtureFiles("llama3"));
  EXPECT_EQ(Prompt(*llama, {.format = ChatFormat::kLlama3}),
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n");
}

TEST(ChatTemplateTest, ArgumentsReachTheTemplateAndLaterOnesWin) {
  const auto tokenizer = WithTemplate(
      "qwen2", "{{ enable_thinking }} {{ tools | tojson }} {{ add_generation_prompt }}");
  EXPECT_EQ(Prompt(*tokenizer, {}), " null True");
  EXPECT_EQ(Prompt(*tokenizer,
                   {.arguments = R"({"enable_thinking": false, "tools": [{"z": 1, "a": 2}]})"}),
            R"(False [{"z": 1, "a": 2}] True)");
  EXPECT_EQ(Prompt(*tokenizer,
                   {.arguments = R"({"enable_thinking": false})"},
                   R"({"enable_thinking": true, "add_generation_prompt": false})"),
            "True null False");
}

TEST(ChatTemplateTest, MalformedArgumentsAndDatesAreRefused) {
  const auto tokenizer = WithTemplate("qwen2", "x");
  for (const char* arguments : {"{", "[1]", "5", R"({"messages": []})"}) {
    const auto chat = ChatTemplate::Create(tokenizer.get(), {.arguments = arguments});
    EXPECT_TRUE(absl::IsInvalidArgument(chat.status())) << arguments;
  }
  EXPECT_THAT(
      std::string(ChatTemplate::Create(tokenizer.get(), {.date = "yesterday"}).status().message()),
      HasSubstr("26 Jul 2024"));
}

TEST(ChatTemplateTest, TheDateIsPinned) {
  const auto tokenizer = WithTemplate(
      "llama3", "{{ strftime_now('%d %b %Y') }} {{ date_string if date_string is defined }}");
  EXPECT_EQ(Prompt(*tokenizer, {}), "26 Jul 2024 ");
  EXPECT_EQ(Prompt(*tokenizer, {.date = "01 Mar 2025"}), "01 Mar 2025 01 Mar 2025");
}

TEST(ChatTemplateTest, ChatsWithToolsHaveTheirOwnTemplate) {
  TokenizerFiles files = FixtureFiles("qwen2");
  nlohmann::json config = nlohmann::json::parse(files.tokenizer_config_json);
  config["chat_template"] = {{{"name", "default"}, {"template", "plain"}},
                             {{"name", "tool_use"}, {"template", "tools"}}};
  files.tokenizer_config_json = config.dump();
  const auto tokenizer = MakeOrDie(files);
  EXPECT_EQ(Prompt(*tokenizer, {}), "plain");
  EXPECT_EQ(Prompt(*tokenizer, {}, R"({"tools": []})"), "tools");
}

TEST(ChatTemplateTest, TemplatesAreReadFromAllTheirFiles) {
  TokenizerFiles files = FixtureFiles("qwen2");
  files.chat_template_json = R"({"chat_template": "json"})";
  EXPECT_EQ(Prompt(*MakeOrDie(files), {}), "json");
  files.chat_template_jinja = "jinja";
  EXPECT_EQ(Prompt(*MakeOrDie(files), {}), "jinja");
}

TEST(ChatTemplateTest, OtherRolesArePlainlyRefusedAndEmptyChatsAlways) {
  const auto tokenizer = MakeOrDie(FixtureFiles("qwen2"));
  const auto chat = ChatTemplate::Create(tokenizer.get(), {});
  const std::vector<ChatMessage> messages = {{"tool", "x"}};
  EXPECT_TRUE(absl::IsInvalidArgument(chat->RenderPrompt(messages).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(chat->RenderPrompt({}).status()));
}

TEST(ChatTemplateTest, TheMarkThatEndsAnAnswerEndsAGeneration) {
  TokenizerFiles files = FixtureFiles("qwen2");
  nlohmann::json config = nlohmann::json::parse(files.tokenizer_config_json);
  config["eos_token"] = "<|endoftext|>";
  files.tokenizer_config_json = config.dump();
  files.chat_template_jinja =
      "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}";
  const auto tokenizer = MakeOrDie(files);
  const int32_t end = *tokenizer->IdOf("<|im_end|>");
  const auto& ids = tokenizer->stop_ids();
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  EXPECT_TRUE(std::binary_search(ids.begin(), ids.end(), end));
  ASSERT_EQ(tokenizer->warnings().size(), 1U);
  EXPECT_THAT(tokenizer->warnings()[0], HasSubstr("<|im_end|>"));
}

TEST(ChatTemplateTest, AMarkThatIsNamedAsAnEndNeedsNoWarning) {
  TokenizerFiles files = FixtureFiles("qwen2");
  nlohmann::json config = nlohmann::json::parse(files.tokenizer_config_json);
  config["eos_token"] = "<|im_end|>";
  files.tokenizer_config_json = config.dump();
  files.chat_template_jinja = "{% for m in messages %}{{ m.content }}<|im_end|>\n{% endfor %}";
  EXPECT_TRUE(MakeOrDie(files)->warnings().empty());
}

}  // namespace
}  // namespace convrec::tokenizer
