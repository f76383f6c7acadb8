// Parity with the Python packages `tokenizers` and `jinja2`: tests/golden/make_tokenizer_golden.py
// made the expected values.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "libs/base/files.h"
#include "libs/text/utf8.h"
#include "libs/tokenizer/bpe_trainer.h"
#include "libs/tokenizer/chat_template.h"
#include "libs/tokenizer/testing/files.h"
#include "libs/tokenizer/tokenizer.h"
#include "tests/support/paths.h"

namespace convrec::tokenizer {
namespace {

using Json = nlohmann::json;

class FamilyTest : public testing::TestWithParam<std::string> {};

TEST_P(FamilyTest, IdsEqualThoseOfTheReference) {
  const auto tokenizer = MakeOrDie(FixtureFiles(GetParam()));
  const Json& ids = Golden()["families"][GetParam()]["ids"];
  const Json& texts = Golden()["texts"];
  ASSERT_GT(texts.size(), 200u);
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(Json(tokenizer->Encode(texts[i].get<std::string>())), ids[i]) << texts[i];
  }
}

TEST_P(FamilyTest, DecodedTextsEqualThoseOfTheReference) {
  const auto tokenizer = MakeOrDie(FixtureFiles(GetParam()));
  const Json& family = Golden()["families"][GetParam()];
  for (size_t i = 0; i < family["ids"].size(); ++i) {
    const auto ids = family["ids"][i].get<std::vector<int32_t>>();
    EXPECT_EQ(text::ReplaceInvalidUtf8(tokenizer->Decode(ids)),
              family["decoded"][i].get<std::string>());
  }
}

TEST_P(FamilyTest, SpecialTokensAroundATextEqualThoseOfTheReference) {
  const auto tokenizer = MakeOrDie(FixtureFiles(GetParam()));
  EXPECT_EQ(Json(tokenizer->Encode("", {.add_special_tokens = true})),
            Golden()["families"][GetParam()]["prefix_ids"]);
}

INSTANTIATE_TEST_SUITE_P(Families,
                         FamilyTest,
                         testing::Values("smollm2", "qwen2", "llama3"),
                         [](const auto& test) { return test.param; });

TEST(GoldenTest, EveryVariantOfTheFileGivesTheReferenceIds) {
  const Json base = Json::parse(Fixture("smollm2/tokenizer.json"));
  const Json& texts = Golden()["variants"]["texts"];
  for (const Json& variant : Golden()["variants"]["cases"]) {
    Json patched = base;
    patched.merge_patch(variant["patch"]);
    const auto tokenizer = MakeOrDie(FilesOf(patched));
    for (size_t i = 0; i < texts.size(); ++i) {
      EXPECT_EQ(Json(tokenizer->Encode(texts[i].get<std::string>())), variant["ids"][i])
          << variant["name"] << " " << texts[i];
    }
  }
}

TEST(GoldenTest, ChatsEqualTheRenderedTemplates) {
  for (const Json& chat : Golden()["chats"]) {
    TokenizerFiles files = FixtureFiles(chat["family"]);
    files.chat_template_jinja = chat["template"];
    const auto tokenizer = MakeOrDie(files);
    for (const Json& test_case : chat["cases"]) {
      ChatTemplate::Options options;
      options.date = test_case["date"];
      if (!test_case["enable_thinking"].get<bool>()) {
        options.arguments = R"({"enable_thinking": false})";
      }
      const auto chat_template = ChatTemplate::Create(tokenizer.get(), options);
      ASSERT_TRUE(chat_template.ok()) << chat["name"] << chat_template.status();
      std::vector<ChatMessage> messages;
      for (const Json& message : test_case["messages"]) {
        messages.push_back({message["role"], message["content"]});
      }
      const auto text = test_case["add_generation_prompt"].get<bool>()
                            ? chat_template->RenderPrompt(messages)
                            : chat_template->RenderConversation(messages);
      ASSERT_TRUE(text.ok()) << text.status();
      EXPECT_EQ(*text, test_case["text"].get<std::string>()) << chat["name"] << test_case;
    }
  }
}

// Templates in the shape of model families; chats of plain texts, as ChatMessage holds them.
TEST(GoldenTest, ChatsOfManyFamiliesEqualThoseOfTransformers) {
  const auto text = base::ReadFile(SourcePath("tests/golden/jinja/families.json"));
  ASSERT_TRUE(text.ok()) << text.status();
  // Arguments keep the order of their keys.
  const auto golden = nlohmann::ordered_json::parse(*text);
  int num_rendered = 0;
  for (const auto& family : golden["families"]) {
    TokenizerFiles files = FixtureFiles("llama3");
    files.tokenizer_config_json = "";
    files.special_tokens_map_json = golden["special"].dump();
    files.chat_template_jinja = family["template"];
    // A date given here is also the template's date_string, which the golden chats do not have.
    if (files.chat_template_jinja.find("date_string") != std::string::npos) continue;
    const auto tokenizer = MakeOrDie(files);
    for (const auto& test_case : family["cases"]) {
      std::vector<ChatMessage> messages;
      bool is_plain = true;
      for (const auto& message : test_case["messages"]) {
        is_plain = is_plain && message.size() == 2 && message["content"].is_string();
        if (is_plain) messages.push_back({message["role"], message["content"]});
      }
      if (!is_plain) continue;
      auto arguments = test_case["arguments"];
      ChatTemplate::Options options;
      options.date = "01 Mar 2025";
      if (!arguments.contains("add_generation_prompt")) arguments["add_generation_prompt"] = false;
      options.arguments = arguments.dump();
      const auto chat = ChatTemplate::Create(tokenizer.get(), options);
      ASSERT_TRUE(chat.ok()) << family["name"] << chat.status();
      const auto rendered = chat->RenderPrompt(messages);
      ASSERT_EQ(rendered.ok(), test_case.contains("text")) << family["name"] << test_case;
      if (!rendered.ok()) continue;
      EXPECT_EQ(*rendered, test_case["text"].get<std::string>()) << family["name"] << test_case;
      ++num_rendered;
    }
  }
  EXPECT_GT(num_rendered, 150);
}

TEST(GoldenTest, TrainingGivesTheReferenceVocabularyAndMerges) {
  const auto texts = Golden()["texts"].get<std::vector<std::string>>();
  for (const Json& test_case : Golden()["trainers"]) {
    BpeTrainerOptions options;
    options.vocab_size = test_case["vocab_size"];
    options.split_regex = test_case["split_regex"];
    options.min_pair_count = test_case["min_pair_count"];
    options.special_tokens = test_case["special_tokens"].get<std::vector<std::string>>();
    const auto spec = TrainBpe(texts, options);
    ASSERT_TRUE(spec.ok()) << spec.status();
    EXPECT_EQ(Json(spec->merges), test_case["merges"]) << test_case["name"];
    EXPECT_EQ(Json(spec->tokens), test_case["tokens"]) << test_case["name"];
  }
}

// A few facts about the tokenizer of SmolLM2, for users who have the model.
TEST(GoldenTest, Smollm2DirectoryGivesTheKnownIds) {
  const char* directory = std::getenv("CONVREC_SMOLLM2");
  if (directory == nullptr) {
    GTEST_SKIP() << "Set CONVREC_SMOLLM2 to a model directory of SmolLM2 to test its tokenizer.";
  }
  const auto tokenizer = LoadTokenizer(directory);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_EQ((*tokenizer)->vocab_size(), 49152);
  const auto chat = ChatTemplate::Create(tokenizer->get(), {});
  ASSERT_TRUE(chat.ok()) << chat.status();
  const std::vector<ChatMessage> messages = {{"user", "Hi"}};
  EXPECT_EQ(chat->RenderPrompt(messages).value_or(""),
            "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging "
            "Face<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  const std::vector<int32_t> hello = {19556, 905, 17, 216, 33, 34, 35};
  EXPECT_EQ((*tokenizer)->Encode("Hello world! 123"), hello);
}

}  // namespace
}  // namespace convrec::tokenizer
