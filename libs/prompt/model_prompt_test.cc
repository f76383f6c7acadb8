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
    EXPECT_THAT(ErrorOf(json), HasSubstr("d/convrec.json: field " + name + " is")) << name;
  }
}

TEST(ModelPromptTest, WhatIsNotUnderstoodIsRefused) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"format_version": 2})", "format_version is 2, this release reads 1"},
      {R"({"line_breaks": "crlf"})", "field line_breaks is unknown"},
      {R"({"turns": "xml"})", "field turns is \"xml\", expected role_lines"},
      {R"({"num_ranks": 0})", "field num_ranks is not a whole number above 0"},
      {R"({"num_ranks": "20"})", "field num_ranks is not a whole number above 0"},
      {R"({"line_format": "Title"})", "field line_format names no field"},
      {R"({"keep": "first"})", "field keep is \"first\", expected last or ends"},
      {R"({"constrained": 1})", "field constrained is neither true nor false"},
      {R"({"catalog_digest": "abc"})", "field catalog_digest is not 32 hexadecimal digits"},
      {R"({"chat_template": {"format": "jinja"}})", "field chat_template: field format is"},
      {R"({"chat_template": {"tools": []}})", "field chat_template: field tools is unknown"}};
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
