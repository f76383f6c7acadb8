#include "libs/sample/own_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/model/model_directory.h"

namespace convrec::sample {
namespace {

using base::JoinPath;
using testing::HasSubstr;
using testing::SizeIs;

class OwnModelTest : public testing::Test {
 protected:
  OwnModelTest() {
    std::string catalog, rows;
    for (int i = 0; i < 30; ++i) {
      const std::string title = absl::StrCat("The Long Way Home Part ", i % 3 == 0 ? "One" : "Two");
      absl::StrAppend(&catalog, "{\"title\": \"", title, "\", \"year\": ", 1960 + i, "}\n");
      absl::StrAppend(&rows,
                      "{\"id\": \"r",
                      i,
                      "\", \"context\": [{\"role\": \"user\", \"text\": \"I liked ",
                      title,
                      " (1960).\"}], \"groundtruth\": [{\"title\": \"",
                      title,
                      "\", \"year\": 1963}], \"completion\": \"",
                      title,
                      " (1963)\"}\n");
    }
    EXPECT_TRUE(base::WriteFileAtomically(catalog_, catalog).ok());
    EXPECT_TRUE(base::WriteFileAtomically(rows_, rows).ok());
  }

  static OwnModelOptions Small() {
    return {.vocab_size = 400,
            .hidden_size = 16,
            .num_layers = 2,
            .num_heads = 2,
            .intermediate_size = 24};
  }

  const base::TemporaryDirectory directory_;
  const std::string catalog_ = JoinPath(directory_.path(), "catalog.jsonl");
  const std::string rows_ = JoinPath(directory_.path(), "rows.jsonl");
  const std::string model_ = JoinPath(directory_.path(), "model");
};

TEST_F(OwnModelTest, TheDirectoryIsAModelWhosePartsGoTogether) {
  const auto facts = WriteOwnModel(Small(), catalog_, {rows_}, model_);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->num_titles, 30U);
  EXPECT_EQ(facts->num_rows, 30U);
  const auto checked = model::CheckModelDirectory(model_);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_TRUE(checked->model.has_weights);
  EXPECT_EQ(model::NumParameters(checked->model.config), facts->num_parameters);
  const auto& tokenizer = *checked->tokenizer;
  EXPECT_EQ(static_cast<size_t>(tokenizer.vocab_size()), facts->num_tokens);
  EXPECT_EQ(tokenizer.TokenText(tokenizer.eos_id().value_or(-1)), "<|im_end|>");
  EXPECT_THAT(tokenizer.chat_template(), HasSubstr("<|im_start|>"));
}

TEST_F(OwnModelTest, FrequentTitlesAreSingleTokens) {
  ASSERT_TRUE(WriteOwnModel(Small(), catalog_, {rows_}, model_).ok());
  const auto checked = model::CheckModelDirectory(model_);
  ASSERT_TRUE(checked.ok());
  EXPECT_THAT(checked->tokenizer->Encode("The Long Way Home Part Two (1963)\n"), SizeIs(2));
}

TEST_F(OwnModelTest, TheSameFilesAndSeedGiveTheSameModel) {
  const std::string other = JoinPath(directory_.path(), "other");
  ASSERT_TRUE(WriteOwnModel(Small(), catalog_, {rows_}, model_).ok());
  ASSERT_TRUE(WriteOwnModel(Small(), catalog_, {rows_}, other).ok());
  for (const char* name : {"model.safetensors", "tokenizer.json", "config.json"}) {
    EXPECT_EQ(*base::ReadFile(JoinPath(model_, name)), *base::ReadFile(JoinPath(other, name)));
  }
}

TEST_F(OwnModelTest, ACatalogAloneIsEnough) {
  const auto facts = WriteOwnModel(Small(), catalog_, {}, model_);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->num_rows, 0U);
  EXPECT_TRUE(model::CheckModelDirectory(model_).ok());
}

TEST_F(OwnModelTest, SizesThatDoNotGoTogetherAreRefused) {
  OwnModelOptions options = Small();
  options.hidden_size = 18;
  EXPECT_THAT(std::string(WriteOwnModel(options, catalog_, {}, model_).status().message()),
              HasSubstr("the hidden size is 18, expected a multiple of twice the 2 heads"));
  EXPECT_FALSE(base::FileExists(model_));
}

}  // namespace
}  // namespace convrec::sample
