#include "libs/prompt/model_prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "libs/base/files.h"

namespace convrec::prompt {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

ModelPrompt Example() {
  return {.form = PromptForm::kChat,
          .instruction = "Name {num_items}. {conversation}",
          .num_ranks = 7,
          .list_style = lists::ListStyle::kNumbered,
          .line_format = "{title} [{id}]",
          .constrained = true,
          .catalog_digest = "00112233445566778899aabbccddeeff",
          .chat = {.format = tokenizer::ChatFormat::kChatMl,
                   .date = "01 Mar 2025",
                   .arguments = R"({"z":1,"enable_thinking":false})"},
          .max_prompt_tokens = 300,
          .keep = PromptKeep::kEnds,
          .max_new_tokens = 99};
}

std::string ErrorOf(const Json& json) {
  return std::string(ModelPromptFromJson(json.dump(), "d/convrec.json").status().message());
}

TEST(ModelPromptTest, WhatIsWrittenIsReadBack) {
  const std::string text = ToJson(Example());
  const auto read = ModelPromptFromJson(text, "convrec.json");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(ToJson(*read), text);
  EXPECT_EQ(read->chat.arguments, Example().chat.arguments) << "keys keep their order";
  EXPECT_EQ(read->chat.format, tokenizer::ChatFormat::kChatMl);
  EXPECT_EQ(read->list_style, lists::ListStyle::kNumbered);
  EXPECT_EQ(read->line_format, "{title} [{id}]");
  EXPECT_EQ(read->keep, PromptKeep::kEnds);
}

TEST(ModelPromptTest, TheModelsOwnTemplateIsTheDefault) {
  ModelPrompt prompt = Example();
  prompt.chat = {};
  const auto read = ModelPromptFromJson(ToJson(prompt), "convrec.json");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->chat.format, std::nullopt);
  EXPECT_EQ(read->chat.arguments, "");
}

TEST(ModelPromptTest, EveryFieldIsNeeded) {
  const Json whole = Json::parse(ToJson(Example()));
  for (const auto& [name, value] : whole.items()) {
    Json json = whole;
    json.erase(name);
    EXPECT_THAT(ErrorOf(json), HasSubstr("d/convrec.json: field \"" + name + "\" is missing"))
        << name;
  }
}

TEST(ModelPromptTest, WhatIsNotUnderstoodIsRefused) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"format_version": 2})", R"("format_version" is 2; expected 1)"},
      {R"({"line_breaks": "crlf"})", R"("line_breaks" is unknown)"},
      {R"({"turns": "xml"})", R"("turns" is "xml"; expected one of role_lines)"},
      {R"({"num_ranks": 0})", R"("num_ranks" is 0; expected a whole number from 1)"},
      {R"({"num_ranks": "20"})", R"("num_ranks" is "20"; expected a whole number from 1)"},
      {R"({"line_format": "Title"})", R"("line_format" names no field)"},
      {R"({"keep": "first"})", R"("keep" is "first"; expected one of last, ends)"},
      {R"({"constrained": 1})", R"("constrained" is 1; expected true or false)"},
      {R"({"catalog_digest": "abc"})", R"("catalog_digest" is "abc"; expected 32 hexadecimal)"},
      {R"({"chat_template": {"format": "jinja"}})", R"("chat_template.format" is "jinja")"},
      {R"({"chat_template": {"tools": []}})", R"("chat_template.tools" is unknown)"}};
  for (const auto& [patch, message] : cases) {
    Json json = Json::parse(ToJson(Example()));
    json.merge_patch(Json::parse(patch));
    EXPECT_THAT(ErrorOf(json), HasSubstr(message));
  }
}

TEST(ModelPromptTest, ADamagedFileIsNamed) {
  const base::TemporaryDirectory directory;
  const std::string path = base::JoinPath(directory.path(), kModelPromptFile);
  const std::string text = ToJson(Example());
  ASSERT_TRUE(base::WriteFileAtomically(path, text.substr(0, text.size() / 2)).ok());
  const auto read = ReadModelPrompt(directory.path());
  EXPECT_THAT(std::string(read.status().message()), HasSubstr(path + " is damaged"));
}

TEST(ModelPromptTest, ADirectoryWithoutTheFileHasNone) {
  const base::TemporaryDirectory directory;
  const auto read = ReadModelPrompt(directory.path());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_FALSE(read->has_value());
}

}  // namespace
}  // namespace convrec::prompt
