#include "libs/model/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "libs/base/files.h"
#include "libs/model/model_config.h"
#include "libs/model/testing/damage.h"
#include "libs/model/weight_files.h"
#include "libs/tokenizer/tokenizer.h"
#include "tests/support/paths.h"

namespace convrec::model {
namespace {

using testing::HasSubstr;

const std::string kGolden = SourcePath("tests/golden/model/");

std::string GgufPath(const std::string& name) {
  return absl::StrCat(kGolden, "gguf/", name, ".gguf");
}

class ImportTest : public testing::TestWithParam<std::string> {
 protected:
  // Imports the golden llama file with `from` replaced by `to` (of equal length).
  std::string ErrorAfter(const std::string& from, const std::string& to) const {
    const auto bytes = base::ReadFile(GgufPath("llama"));
    EXPECT_TRUE(bytes.ok());
    const std::string path = base::JoinPath(directory_.path(), "x.gguf");
    EXPECT_TRUE(base::WriteFileAtomically(path, absl::StrReplaceAll(*bytes, {{from, to}})).ok());
    return std::string(ImportGguf(path, out_, "F32").message());
  }

  const base::TemporaryDirectory directory_;
  const std::string out_ = base::JoinPath(directory_.path(), "out");
};

// The golden files hold the weights of the golden directories, with q and k rows of "llama"
// interleaved.
TEST_P(ImportTest, WeightsAndConfigAreTheOriginalOnes) {
  ASSERT_TRUE(ImportGguf(GgufPath(GetParam()), out_, "F32").ok());
  const auto original = ReadModelConfig(absl::StrCat(kGolden, GetParam(), "/config.json"));
  const auto imported = ReadModelConfig(base::JoinPath(out_, "config.json"));
  ASSERT_TRUE(original.ok() && imported.ok()) << original.status() << imported.status();
  EXPECT_EQ(ToConfigJson(*imported, ""), ToConfigJson(*original, ""));
  const auto expected = WeightFiles::Open(absl::StrCat(kGolden, GetParam()), *original);
  const auto written = WeightFiles::Open(out_, *imported);
  ASSERT_TRUE(expected.ok() && written.ok()) << expected.status() << written.status();
  for (size_t i = 0; i < expected->tensors().size(); ++i) {
    const TensorView& a = expected->tensors()[i];
    const TensorView& b = written->tensors()[i];
    EXPECT_TRUE(std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end()))
        << a.name;
  }
}

TEST_P(ImportTest, TokenizerAndStopIdsAreWritten) {
  ASSERT_TRUE(ImportGguf(GgufPath(GetParam()), out_, "BF16").ok());
  EXPECT_TRUE(base::FileExists(base::JoinPath(out_, "tokenizer.json")));
  EXPECT_TRUE(base::FileExists(base::JoinPath(out_, "tokenizer_config.json")));
  const auto generation = base::ReadFile(base::JoinPath(out_, "generation_config.json"));
  ASSERT_TRUE(generation.ok());
  EXPECT_THAT(*generation, HasSubstr("\"eos_token_id\": 2"));
}

INSTANTIATE_TEST_SUITE_P(Families,
                         ImportTest,
                         testing::Values("llama", "qwen2", "qwen3"),
                         [](const auto& family) { return family.param; });

class SentencePieceImportTest : public ImportTest {};

TEST_F(SentencePieceImportTest, ScoresBecomeMerges) {
  ASSERT_TRUE(ImportGguf(GgufPath("llama_sentencepiece"), out_, "F32").ok());
  const auto tokenizer = tokenizer::LoadTokenizer(out_);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  // "▁ab▁a\n": "▁a" has the largest score and is merged twice, then "▁a" and "b"; a byte is left.
  EXPECT_THAT((*tokenizer)->Encode("ab a\n", {.add_special_tokens = true}),
              testing::ElementsAre(1, 10, 8, 3));
  EXPECT_EQ((*tokenizer)->Decode(std::vector<int32_t>{1, 10, 8, 3}), "ab a\n");
  EXPECT_EQ((*tokenizer)->eos_id(), 2);  // The meaning of such files if they do not specify it.
  EXPECT_EQ((*tokenizer)->vocab_size(), 11);
}

class BadImportTest : public ImportTest {};

TEST_F(BadImportTest, ErrorsNameFileAndTensorOrKey) {
  const std::vector<std::pair<std::pair<std::string, std::string>, std::string>> cases = {
      {{"blk.1.ffn_up.weight", "blk.1.ffn_xp.weight"},
       "x.gguf: tensor blk.1.ffn_up.weight is missing"},
      {{std::string("\x0d\0\0\0\0\0\0\0output.weight", 21),
        std::string("\x0d\0\0\0\0\0\0\0outputtweight", 21)},
       "tensor outputtweight is no parameter of this architecture"},
      {{"llama.block_count", "llama.block_cxunt"},
       "metadata key \"llama.block_count\" is absent, expected a whole number"},
      {{"general.architecture", "general.architecturx"},
       "metadata key \"general.architecture\" is absent"},
      {{std::string("\x05\0\0\0\0\0\0\0llama", 13), std::string("\x05\0\0\0\0\0\0\0gemma", 13)},
       "is \"gemma\", expected llama, qwen2 or qwen3"},
      {{"gpt2", "bert"}, "metadata key \"tokenizer.ggml.model\" is \"bert\", expected gpt2"},
  };
  for (const auto& [change, message] : cases)
    EXPECT_THAT(ErrorAfter(change.first, change.second), HasSubstr(message));
  EXPECT_THAT(std::string(ImportGguf(GgufPath("llama"), out_, "Q8_0").message()),
              HasSubstr("expected F32 or BF16"));
  EXPECT_TRUE(absl::IsNotFound(ImportGguf(GgufPath("none"), out_, "F32")));
}

TEST_F(BadImportTest, FlippedBitsNeverCrash) {
  const auto bytes = base::ReadFile(GgufPath("llama"));
  ASSERT_TRUE(bytes.ok());
  const std::string path = base::JoinPath(directory_.path(), "x.gguf");
  ForBitFlips(*bytes, 3500, 100, [&](const std::string& damaged) {
    WriteScratch(path, damaged);
    ImportGguf(path, out_, "F32").IgnoreError();
  });
}

}  // namespace
}  // namespace convrec::model
