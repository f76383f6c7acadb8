#include "libs/tokenizer/bpe_trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "libs/base/files.h"
#include "libs/tokenizer/byte_alphabet.h"
#include "libs/tokenizer/tokenizer.h"

namespace convrec::tokenizer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Whole titles and " (1999)\n" are pieces.
constexpr char kTitleRegex[] = R"( \([0-9]{4}\)\n|[^\n]+?(?= \([0-9]{4}\)\n))";

std::vector<std::string> Films() {
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) texts.push_back("The Third Man (1949)\nHeat (1995)\n");
  return texts;
}

BpeTrainerOptions FilmOptions() {
  BpeTrainerOptions options;
  options.vocab_size = 400;
  options.split_regex = kTitleRegex;
  options.special_tokens = {"<|pad|>", "<|end|>"};
  options.padding_token = "<|pad|>";
  options.eos_token = "<|end|>";
  return options;
}

TEST(BpeTrainerTest, FrequentTitlesAndYearsBecomeSingleTokens) {
  const base::TemporaryDirectory directory;
  ASSERT_TRUE(TrainBpeInto(Films(), FilmOptions(), directory.path()).ok());
  const auto tokenizer = LoadTokenizer(directory.path());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_EQ((*tokenizer)->Encode("The Third Man (1949)\n").size(), 2u);
  EXPECT_THAT((*tokenizer)->Encode("Heat (1995)\n"),
              ElementsAre(*(*tokenizer)->IdOf("Heat"), *(*tokenizer)->IdOf(" (1995)\n")));
}

TEST(BpeTrainerTest, WrittenRolesAreReadBack) {
  const base::TemporaryDirectory directory;
  ASSERT_TRUE(TrainBpeInto(Films(), FilmOptions(), directory.path()).ok());
  const auto tokenizer = LoadTokenizer(directory.path());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_EQ((*tokenizer)->eos_id(), 1);
  EXPECT_EQ((*tokenizer)->bos_id(), std::nullopt);
  EXPECT_THAT((*tokenizer)->stop_ids(), ElementsAre(1));
  EXPECT_THAT((*tokenizer)->Encode("<|end|>"), ElementsAre(1));
}

TEST(BpeTrainerTest, LimitsBoundTheMerges) {
  BpeTrainerOptions options = FilmOptions();
  options.max_merges = 3;
  EXPECT_EQ(TrainBpe(Films(), options)->merges.size(), 3u);
  options = FilmOptions();
  options.max_token_bytes = 4;
  const auto spec = TrainBpe(Films(), options);
  ASSERT_TRUE(spec.ok()) << spec.status();
  for (size_t id = options.special_tokens.size(); id < spec->tokens.size(); ++id) {
    EXPECT_LE(FromByteLevel(spec->tokens[id])->size(), 4u);
  }
  options.max_token_bytes = 1;
  EXPECT_THAT(TrainBpe(Films(), options)->merges, IsEmpty());
  options = FilmOptions();
  options.vocab_size = 258;
  EXPECT_THAT(TrainBpe(Films(), options)->merges, IsEmpty());
}

TEST(BpeTrainerTest, RarePairsStayApart) {
  BpeTrainerOptions options = FilmOptions();
  options.min_pair_count = 21;
  const std::vector<std::string> once = {"Xyz (2000)\n"};
  EXPECT_THAT(TrainBpe(once, options)->merges, IsEmpty());
  EXPECT_THAT(TrainBpe({}, options)->merges, IsEmpty());
}

TEST(BpeTrainerTest, MarkupInTheTextsIsNotLearned) {
  BpeTrainerOptions options = FilmOptions();
  options.split_regex = "[^ ]+";
  const std::vector<std::string> texts(50, "<|end|> <|end|>");
  const auto spec = TrainBpe(texts, options);
  ASSERT_TRUE(spec.ok());
  const base::TemporaryDirectory directory;
  ASSERT_TRUE(WriteTokenizerJson(*spec, directory.path()).ok());
  const auto tokenizer = LoadTokenizer(directory.path());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  for (const int32_t id : (*tokenizer)->Encode("<|end|>", {.find_special_tokens = false})) {
    EXPECT_FALSE((*tokenizer)->IsSpecial(id));
  }
}

TEST(BpeTrainerTest, BadOptionsAreNamed) {
  const auto error = [](const BpeTrainerOptions& options) {
    return std::string(TrainBpe(Films(), options).status().message());
  };
  BpeTrainerOptions options = FilmOptions();
  options.vocab_size = 257;
  EXPECT_THAT(error(options), HasSubstr("vocab_size is 257"));
  options = FilmOptions();
  options.special_tokens.push_back("<|end|>");
  EXPECT_THAT(error(options), HasSubstr("'<|end|>' is given twice"));
  options = FilmOptions();
  options.bos_token = "<s>";
  EXPECT_THAT(error(options), HasSubstr("'<s>' is not one of the special tokens"));
  options = FilmOptions();
  options.split_regex = "(";
  EXPECT_THAT(error(options), HasSubstr("malformed"));
}

}  // namespace
}  // namespace convrec::tokenizer
