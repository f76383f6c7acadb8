// Model directories and GGUF files as users have them, each with the value that is right for it.
// The figures of tests/field/models_expected.json are those of the Python packages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/model/gguf.h"
#include "libs/model/import.h"
#include "libs/model/model_directory.h"
#include "libs/model/weight_files.h"
#include "libs/text/utf8.h"
#include "libs/tokenizer/detokenizer.h"
#include "tests/support/paths.h"

namespace convrec::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

std::string FieldModel(const std::string& name) { return SourcePath("tests/field/models/" + name); }
std::string FieldGguf(const std::string& name) { return SourcePath("tests/field/gguf/" + name); }

Json Expected() {
  const auto text = base::ReadFile(SourcePath("tests/field/models_expected.json"));
  EXPECT_TRUE(text.ok()) << text.status();
  return Json::parse(text.value_or("{}"));
}

void ExpectRefused(const std::string& path, const std::vector<std::string>& parts) {
  const absl::Status status = model::CheckModelDirectory(path).status();
  EXPECT_EQ(base::ExitCodeOf(status), base::kExitBadData) << status;
  for (const std::string& part : parts) EXPECT_THAT(std::string(status.message()), HasSubstr(part));
}

TEST(FieldModelsTest, AHeadOfItsOwnIsKeptAndBothTensorsAreNamed) {
  const auto checked = model::CheckModelDirectory(FieldModel("tied_other_head"));
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_FALSE(checked->model.config.tie_word_embeddings);
  EXPECT_THAT(checked->model.warnings,
              ElementsAre(::testing::AllOf(HasSubstr("model.embed_tokens.weight"),
                                           HasSubstr("lm_head.weight"))));
}

TEST(FieldModelsTest, ATokenBeyondTheEmbeddingIsBadData) {
  ExpectRefused(
      FieldModel("extra_token"),
      {"tokenizer.json: token 259 '<|pad|>' is beyond the embedding, which has 259 rows"});
}

TEST(FieldModelsTest, AnAdapterIsNamedWithItsBase) {
  ExpectRefused(FieldModel("adapter"), {"this is a LoRA adapter of the model x/y"});
}

TEST(FieldModelsTest, QuantizedWeightsAreNamed) {
  ExpectRefused(FieldModel("gptq"), {"config.json", "the weights are quantized by GPTQ"});
  // Where config.json does not say so, the tensors do.
  const base::TemporaryDirectory directory;
  std::filesystem::copy(FieldModel("gptq"), directory.path());
  auto config = base::ReadFile(base::JoinPath(directory.path(), "config.json"));
  ASSERT_TRUE(config.ok());
  Json json = Json::parse(*config);
  json.erase("quantization_config");
  ASSERT_TRUE(
      base::WriteFileAtomically(base::JoinPath(directory.path(), "config.json"), json.dump()).ok());
  ExpectRefused(directory.path(),
                {"q_proj.weight is missing", "q_proj.qweight is there", "GPTQ or AWQ"});
}

TEST(FieldModelsTest, TheFolderOfARunLeadsToItsModel) {
  const base::TemporaryDirectory run;
  const std::string model = base::JoinPath(run.path(), "model");
  std::filesystem::copy(FieldModel("tied_other_head"), model);
  ExpectRefused(run.path(), {"this is the folder of a run, expected its model: " + model});
}

TEST(FieldModelsTest, SentencePieceIdsAndTextsEqualThePackage) {
  const auto checked = model::CheckModelDirectory(FieldModel("spm_metaspace"));
  ASSERT_TRUE(checked.ok()) << checked.status();
  const tokenizer::Tokenizer& tokenizer = *checked->tokenizer;
  const Json expected = Expected()["spm_metaspace"];
  for (size_t i = 0; i < expected["texts"].size(); ++i) {
    const std::string text = expected["texts"][i];
    const std::vector<int32_t> ids = tokenizer.Encode(text);
    EXPECT_EQ(Json(ids), expected["ids"][i]) << text;
    const std::string decoded = expected["decoded"][i];
    EXPECT_EQ(tokenizer.Decode(ids), decoded);
    tokenizer::Detokenizer detokenizer(&tokenizer);
    text::Utf8Stream characters;
    std::string streamed;
    for (const int32_t id : ids) streamed += characters.Push(detokenizer.Push(id));
    EXPECT_EQ(streamed + characters.Finish(), decoded);
  }
  EXPECT_THAT(tokenizer.stop_ids(), ElementsAre(2));
}

class FieldGgufTest : public ::testing::TestWithParam<std::string> {};

TEST_P(FieldGgufTest, EveryTensorHasTheValuesOfThePackage) {
  const auto file = model::GgufFile::Open(FieldGguf(GetParam()));
  ASSERT_TRUE(file.ok()) << file.status();
  const Json expected = Expected()["gguf"][GetParam()];
  ASSERT_EQ(file->tensors().size(), expected.size());
  for (const model::GgufTensor& tensor : file->tensors()) {
    const Json& figures = expected[tensor.name];
    EXPECT_EQ(tensor.storage->name, figures["type"].get<std::string>());
    std::vector<float> row(static_cast<size_t>(tensor.row_size()));
    double sum = 0;
    for (int64_t i = 0; i < tensor.num_rows(); ++i) {
      model::DequantizeRow(tensor, i, row.data());
      for (size_t k = 0; i == 0 && k < 4; ++k)
        EXPECT_EQ(row[k], figures["first"][k].get<float>()) << tensor.name;
      for (const float value : row) sum += value;
    }
    // The package adds the same numbers in another order.
    EXPECT_NEAR(sum, figures["sum"].get<double>(), 1e-6) << tensor.name;
  }
}

TEST_P(FieldGgufTest, BecomesAModelWhosePartsGoTogether) {
  const base::TemporaryDirectory directory;
  const std::string out = base::JoinPath(directory.path(), "model");
  ASSERT_TRUE(model::ImportGguf(FieldGguf(GetParam()), out, "F32").ok());
  const auto checked = model::CheckModelDirectory(out);
  ASSERT_TRUE(checked.ok()) << checked.status();
  const auto weights = model::WeightFiles::Open(out, checked->model.config);
  ASSERT_TRUE(weights.ok()) << weights.status();
  ASSERT_EQ(weights->tensors()[0].name, "model.embed_tokens.weight");
  const Json first = Expected()["gguf"][GetParam()]["token_embd.weight"]["first"];
  for (size_t i = 0; i < 4; ++i) {
    float value = 0;
    std::memcpy(&value, weights->tensors()[0].bytes.data() + i * sizeof(value), sizeof(value));
    EXPECT_EQ(value, first[i].get<float>());
  }
}

INSTANTIATE_TEST_SUITE_P(Files,
                         FieldGgufTest,
                         ::testing::Values("q4_k_m.gguf",
                                           "q4_0_head_q6k.gguf",
                                           "split-00001-of-00002.gguf"),
                         [](const auto& file) {
                           return file.param.substr(0, 4) == "q4_k"   ? "k_quants"
                                  : file.param.substr(0, 4) == "q4_0" ? "q4_0"
                                                                      : "split";
                         });

TEST(FieldGgufFilesTest, FirstEmbeddingOfTheCommonQuantization) {
  const auto file = model::GgufFile::Open(FieldGguf("q4_k_m.gguf"));
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(file->tensors()[0].name, "token_embd.weight");
  std::vector<float> row(256);
  model::DequantizeRow(file->tensors()[0], 0, row.data());
  EXPECT_THAT(std::vector<float>(row.begin(), row.begin() + 4),
              ElementsAre(-.10407257F, -.06806946F, -.32009125F, -.32009125F));
}

TEST(FieldGgufFilesTest, MissingFileOfASplitModelIsNamed) {
  const base::TemporaryDirectory directory;
  const std::string part = base::JoinPath(directory.path(), "split-00001-of-00002.gguf");
  std::filesystem::copy(FieldGguf("split-00001-of-00002.gguf"), part);
  const absl::Status status =
      model::ImportGguf(part, base::JoinPath(directory.path(), "out"), "F32");
  EXPECT_THAT(std::string(status.message()), HasSubstr("file 1 of 2 of a split model"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("split-00002-of-00002.gguf"));
}

}  // namespace
}  // namespace convrec::testing
