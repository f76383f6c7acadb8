#include "libs/model/model_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/model/config_digest.h"
#include "libs/model/parameter_table.h"
#include "libs/model/testing/small_config.h"
#include "libs/model/weight_files.h"
#include "libs/tokenizer/bpe_trainer.h"

namespace convrec::model {
namespace {

using base::JoinPath;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A model directory whose parts fit together, in a separate folder.
class ModelDirectoryTest : public testing::Test {
 protected:
  ModelDirectoryTest() {
    config_.vocab_size = 300;
    config_.attention_bias = false;
    WriteConfig();
    WriteWeights();
    WriteTokenizer(300);
  }

  void Write(const std::string& name, const std::string& content) const {
    const std::string path = JoinPath(root_.path(), name);
    ASSERT_TRUE(base::MakeDirectories(std::filesystem::path(path).parent_path().string()).ok());
    ASSERT_TRUE(base::WriteFileAtomically(path, content).ok());
  }
  void WriteConfig() const { Write("m/config.json", ToConfigJson(config_, "float32")); }
  // Every tensor has a different value.
  void WriteWeights() const {
    std::vector<TensorSource> sources;
    for (const ParameterSpec& spec : ParameterTable(config_)) {
      size_t size = 1;
      for (const int64_t extent : spec.shape) size *= static_cast<size_t>(extent);
      const auto value = static_cast<float>(sources.size());
      sources.push_back({spec.name, spec.shape, [size, value](float* out) {
                           std::fill(out, out + size, value);
                           return absl::OkStatus();
                         }});
    }
    ASSERT_TRUE(WriteWeightFiles(model(), sources, "F32").ok());
  }
  void WriteTokenizer(int32_t vocab_size) const {
    std::vector<std::string> special = {"<end>"};
    while (static_cast<int32_t>(special.size()) < vocab_size - 256)
      special.push_back(absl::StrCat("<extra ", special.size(), ">"));
    const std::vector<std::string> texts = {"a"};
    ASSERT_TRUE(tokenizer::TrainBpeInto(texts,
                                        {.vocab_size = vocab_size,
                                         .special_tokens = special,
                                         .bos_token = "",
                                         .eos_token = "<end>",
                                         .padding_token = ""},
                                        model())
                    .ok());
  }
  void Remove(const std::string& name) const {
    ASSERT_GT(std::filesystem::remove_all(JoinPath(model(), name)), 0U);
  }

  std::string model() const { return JoinPath(root_.path(), "m"); }
  static std::string ErrorOf(const std::string& path) {
    return std::string(CheckModelDirectory(path).status().message());
  }

  const base::TemporaryDirectory root_;
  ModelConfig config_ = SmallConfig();
};

TEST_F(ModelDirectoryTest, PartsThatGoTogetherGiveNoWord) {
  const auto checked = CheckModelDirectory(model());
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_TRUE(checked->model.has_weights);
  EXPECT_EQ(checked->tokenizer->vocab_size(), 300);
  EXPECT_THAT(checked->model.warnings, IsEmpty());
}

TEST_F(ModelDirectoryTest, AHeadOfItsOwnIsUsedThoughTheConfigTiesIt) {
  config_.tie_word_embeddings = true;
  WriteConfig();  // The weights were written with a head.
  const auto read = ReadModelDirectory(model());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_FALSE(read->config.tie_word_embeddings);
  EXPECT_THAT(read->warnings,
              ElementsAre(HasSubstr("config.json: tie_word_embeddings is true, but the tensors "
                                    "model.embed_tokens.weight and lm_head.weight differ")));
  EXPECT_TRUE(CheckModelDirectory(model()).ok());
}

TEST_F(ModelDirectoryTest, TheDigestIsOfTheModelAsItsWeightsHaveIt) {
  const std::string digest = CheckModelDirectory(model())->digest;
  config_.tie_word_embeddings = true;
  WriteConfig();
  EXPECT_EQ(CheckModelDirectory(model())->digest, digest);  // The head is still its own.
  WriteWeights();
  EXPECT_NE(CheckModelDirectory(model())->digest, digest);
  EXPECT_EQ(CheckModelDirectory(model())->digest, ConfigDigest(config_));
}

TEST_F(ModelDirectoryTest, ATiedHeadStaysTied) {
  config_.tie_word_embeddings = true;
  WriteConfig();
  WriteWeights();
  const auto read = ReadModelDirectory(model());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(read->config.tie_word_embeddings);
  EXPECT_THAT(read->warnings, IsEmpty());
}

TEST_F(ModelDirectoryTest, TokensBeyondTheEmbeddingAreBadData) {
  WriteTokenizer(302);
  const absl::Status status = CheckModelDirectory(model()).status();
  EXPECT_EQ(base::ExitCodeOf(status), base::kExitBadData);
  EXPECT_THAT(std::string(status.message()), HasSubstr("m/tokenizer.json: token 301 '"));
  EXPECT_THAT(
      std::string(status.message()),
      HasSubstr("' is beyond the embedding, which has 300 rows (vocab_size in config.json)"));
}

TEST_F(ModelDirectoryTest, WeightsOfAnotherShapeShowBeforeTheyAreLoaded) {
  config_.intermediate_size += 8;
  WriteConfig();
  EXPECT_THAT(ErrorOf(model()), HasSubstr("mlp.gate_proj.weight has shape [24, 16], expected [32"));
}

TEST_F(ModelDirectoryTest, NoPathIsAFaultOfTheConfiguration) {
  const absl::Status status = CheckModelDirectory("").status();
  EXPECT_EQ(base::ExitCodeOf(status), base::kExitBadConfig);
  EXPECT_THAT(std::string(status.message()), HasSubstr("model.path is empty"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("convrec new-model"));
}

TEST_F(ModelDirectoryTest, MissingDirectoryIsNotFound) {
  const absl::Status status = CheckModelDirectory("/nonexistent/x").status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nonexistent/x: no such model directory"));
}

TEST_F(ModelDirectoryTest, AdapterIsNamedWithItsBase) {
  Write("adapter/adapter_config.json", R"({"base_model_name_or_path": "x/y", "r": 8})");
  Write("adapter/adapter_model.safetensors", "x");
  Write("adapter/config.json", "{}");  // Some tools write the base's config there.
  EXPECT_THAT(
      ErrorOf(JoinPath(root_.path(), "adapter")),
      HasSubstr("adapter: this is a LoRA adapter of the model x/y, expected a whole model"));
  // A merged model may keep its adapter's description.
  Write("m/adapter_config.json", "{}");
  EXPECT_EQ(ErrorOf(model()), "");
}

TEST_F(ModelDirectoryTest, FolderOfARunLeadsToItsModel) {
  std::filesystem::rename(model(), JoinPath(root_.path(), "model"));
  EXPECT_THAT(ErrorOf(root_.path()),
              HasSubstr("this is the folder of a run, expected its model: " +
                        JoinPath(root_.path(), "model")));
  std::filesystem::remove_all(JoinPath(root_.path(), "model"));
  Write("config.yaml", "");
  Write("checkpoints/x", "");
  EXPECT_THAT(ErrorOf(root_.path()), HasSubstr("a run that has no model yet: `convrec export`"));
}

TEST_F(ModelDirectoryTest, FolderOfModelsLeadsToOne) {
  EXPECT_THAT(ErrorOf(root_.path()),
              HasSubstr("this folder holds models, expected one, such as " + model()));
  Write("models--x--y/snapshots/0123/config.json", "{}");
  EXPECT_THAT(ErrorOf(JoinPath(root_.path(), "models--x--y")),
              HasSubstr("such as " + JoinPath(root_.path(), "models--x--y/snapshots/0123")));
}

TEST_F(ModelDirectoryTest, FilesAndOtherFormatsAreNamed) {
  Write("x.gguf", "GGUF");
  EXPECT_THAT(
      ErrorOf(JoinPath(root_.path(), "x.gguf")),
      HasSubstr("x.gguf: this is a GGUF file, expected a model directory: `convrec import`"));
  EXPECT_THAT(ErrorOf(JoinPath(model(), "model.safetensors")), HasSubstr("this is a file"));
  Remove("config.json");
  EXPECT_THAT(ErrorOf(model()), HasSubstr("m: there is no config.json"));
}

// They must not start from random values just because their weights are not recognised.
TEST_F(ModelDirectoryTest, WeightsInAnotherFormatAreNoMissingWeights) {
  Remove("model.safetensors");
  EXPECT_EQ(ErrorOf(model()), "");  // A model without weights.
  for (const std::string name :
       {"pytorch_model.bin", "model.gguf", "model-00001-of-2.safetensors"}) {
    Write("m/" + name, "x");
    EXPECT_THAT(ErrorOf(model()), HasSubstr(name));
    Remove(name);
  }
}

}  // namespace
}  // namespace convrec::model
