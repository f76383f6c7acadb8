#include "services/learner/run/run_data.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "libs/base/files.h"
#include "libs/config/load.h"
#include "libs/text_model/model_text.h"
#include "tests/support/paths.h"

namespace convrec::learner {
namespace {

using nlohmann::json;

// Every chat template of the tests, by name.
std::vector<std::pair<std::string, std::string>> ChatTemplates() {
  std::vector<std::pair<std::string, std::string>> templates;
  const auto add = [&templates](const std::string& path, const char* list) {
    const auto text = base::ReadFile(SourcePath(path));
    ASSERT_TRUE(text.ok()) << text.status();
    const json golden = json::parse(*text);
    for (const json& entry : golden[list]) templates.emplace_back(entry["name"], entry["template"]);
  };
  add("tests/golden/tokenizer/cases.json", "chats");
  add("tests/golden/jinja/families.json", "families");
  return templates;
}

// A model directory with a tokenizer, and a run over two conversations.
class RunDataTest : public testing::Test {
 protected:
  void SetUp() override {
    Write("catalog.jsonl", json{{"title", "Heat"}, {"year", 1995}}.dump() + "\n");
    Write("rows.jsonl", Row("a", Turns(false)) + Row("b", Turns(true)));
    const std::string fixture = SourcePath("tests/golden/tokenizer/llama3/");
    Write("tokenizer.json", base::ReadFile(fixture + "tokenizer.json").value_or(""));
    Write("tokenizer_config.json", R"({"bos_token": "<|begin_of_text|>",
                                       "eos_token": "<|eot_id|>"})");
  }

  void Write(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(base::WriteFileAtomically(File(name), text).ok());
  }
  std::string File(const std::string& name) const { return base::JoinPath(dir_.path(), name); }
  static json Turns(bool is_long) {
    json turns = {{{"role", "user"}, {"text", "Hi, any <|eot_id|> thriller?"}}};
    if (!is_long) return turns;
    turns.push_back({{"role", "assistant"}, {"text", "Have you seen Heat (1995)?"}});
    turns.push_back({{"role", "user"}, {"text", "Yes {conversation} é 好"}});
    return turns;
  }
  static std::string Row(const std::string& id, const json& turns) {
    const json truth = {{{"title", "Heat"}, {"year", 1995}}};
    return json{{"id", id}, {"context", turns}, {"groundtruth", truth}}.dump() + "\n";
  }

  RunData LoadOrDie(const std::vector<std::string>& more) const {
    std::vector<std::string> overrides = {"model.path=" + dir_.path(),
                                          "data.catalog=" + File("catalog.jsonl"),
                                          "data.test.path=" + File("rows.jsonl"),
                                          "data.train.path=" + File("rows.jsonl"),
                                          "data.validation.path=" + File("rows.jsonl"),
                                          "learner.sft.steps=0",
                                          "data.num_ranks=7"};
    overrides.insert(overrides.end(), more.begin(), more.end());
    const auto options = config::LoadRunOptions({}, overrides);
    EXPECT_TRUE(options.ok()) << options.status();
    const auto tokenizer = tokenizer::LoadTokenizer(dir_.path());
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
    auto data = LoadRunData(*options, **tokenizer, /*context=*/4096);
    EXPECT_TRUE(data.ok()) << data.status();
    return *std::move(data);
  }

  // What a client's chat becomes behind the directory that the learner leaves.
  std::vector<int32_t> Served(const RunData& data, const json& turns) const {
    Write("convrec.json", prompt::ToJson(data.prompt));
    const auto prompt = prompt::ReadModelPrompt(dir_.path());
    EXPECT_TRUE(prompt.ok()) << prompt.status();
    auto tokenizer = tokenizer::LoadTokenizer(dir_.path());
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
    const text_model::ModelText text(*std::move(tokenizer), *prompt, {}, 4096, 200000);
    std::vector<tokenizer::ChatMessage> messages;
    for (const json& turn : turns) messages.push_back({.role = turn["role"], .text = turn["text"]});
    const auto ids = text.EncodeChat(messages);
    EXPECT_TRUE(ids.ok()) << ids.status();
    return ids.value_or(std::vector<int32_t>());
  }

  const base::TemporaryDirectory dir_;
};

TEST_F(RunDataTest, EveryChatTemplateGivesTheServerTheIdsOfTheLearner) {
  int num_templates = 0;
  for (const auto& [name, source] : ChatTemplates()) {
    SCOPED_TRACE(name);
    Write("chat_template.jinja", source);
    const RunData data = LoadOrDie(
        {"data.template_arguments={\"enable_thinking\": false}", "model.chat_date=01 Mar 2025"});
    EXPECT_EQ(Served(data, Turns(false)), data.test.prompts[0].token_ids);
    EXPECT_EQ(Served(data, Turns(true)), data.test.prompts[1].token_ids);
    ++num_templates;
  }
  EXPECT_GT(num_templates, 25);
}

TEST_F(RunDataTest, TheServerCutsAndFormatsAsTheLearnerDoes) {
  for (const char* setting : {"model.chat_format=chatml",
                              "model.chat_format=plain",
                              "data.max_prompt_tokens=30",
                              "data.keep=ends",
                              "data.instruction=Be {num_items}: {conversation}!"}) {
    SCOPED_TRACE(setting);
    const RunData data = LoadOrDie({"data.max_prompt_tokens=60", setting});
    EXPECT_EQ(Served(data, Turns(true)), data.test.prompts[1].token_ids);
  }
}

TEST_F(RunDataTest, AModelOfRowsThatAreChatsIsServedChats) {
  const json truth = json::array({json::array({"Heat", 1995})});
  const json chat = {{{"role", "user"}, {"content", "Pretend. USER: Hi"}}};
  Write("rows.jsonl",
        json{{"prompt", chat}, {"groundtruth_with_release_year", truth}}.dump() + "\n");
  const RunData data = LoadOrDie({});
  EXPECT_EQ(data.prompt.form, prompt::PromptForm::kChat);
  const json turns = {{{"role", "user"}, {"text", "Pretend. USER: Hi"}}};
  EXPECT_EQ(Served(data, turns), data.test.prompts[0].token_ids);
}

TEST_F(RunDataTest, TheModelKeepsWhatItWasTrainedWith) {
  const RunData data =
      LoadOrDie({"data.numbered_lists=true", "evaluation.max_new_tokens=77", "data.keep=ends"});
  EXPECT_EQ(data.prompt.num_ranks, 7);
  EXPECT_EQ(data.prompt.list_style, lists::ListStyle::kNumbered);
  EXPECT_EQ(data.prompt.line_format, "{title} ({year})");
  EXPECT_EQ(data.prompt.max_new_tokens, 77);
  EXPECT_EQ(data.prompt.keep, prompt::PromptKeep::kEnds);
  EXPECT_EQ(data.prompt.catalog_digest, data.catalog->digest());
  EXPECT_FALSE(data.prompt.constrained);
}

}  // namespace
}  // namespace convrec::learner
