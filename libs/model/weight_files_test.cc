#include "libs/model/weight_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_replace.h"
#include "libs/base/files.h"
#include "libs/model/parameter_table.h"

namespace convrec::model {
namespace {

using testing::HasSubstr;

class WeightFilesTest : public testing::Test {
 protected:
  WeightFilesTest() {
    config_.vocab_size = 6;
    config_.hidden_size = 4;
    config_.intermediate_size = 3;
    config_.num_layers = 2;
    config_.num_heads = 2;
    config_.num_kv_heads = 1;
    config_.head_dim = 2;
    for (const ParameterSpec& spec : ParameterTable(config_))
      sources_.push_back(Constant(spec.name, spec.shape));
  }

  static TensorSource Constant(const std::string& name, const std::vector<int64_t>& shape) {
    int64_t size = 1;
    for (const int64_t extent : shape) size *= extent;
    return {name, shape, [size](float* out) {
              std::fill(out, out + size, 0.25F);
              return absl::OkStatus();
            }};
  }

  TensorSource& Find(const std::string& name) {
    return *std::find_if(
        sources_.begin(), sources_.end(), [&](const TensorSource& s) { return s.name == name; });
  }
  absl::Status Write(int64_t shard_bytes = kShardBytes) {
    return WriteWeightFiles(directory_.path(), sources_, "F32", shard_bytes);
  }
  absl::Status Open() { return WeightFiles::Open(directory_.path(), config_).status(); }
  std::string Path(const std::string& name) const {
    return base::JoinPath(directory_.path(), name);
  }

  const base::TemporaryDirectory directory_;
  ModelConfig config_;
  std::vector<TensorSource> sources_;
};

TEST_F(WeightFilesTest, OneFileAndShardsHoldTheSame) {
  for (const int64_t shard_bytes : {kShardBytes, int64_t{100}, int64_t{1}}) {
    ASSERT_TRUE(Write(shard_bytes).ok());
    const auto files = WeightFiles::Open(directory_.path(), config_);
    ASSERT_TRUE(files.ok()) << files.status();
    ASSERT_EQ(files->tensors().size(), sources_.size());
    for (size_t i = 0; i < sources_.size(); ++i)
      EXPECT_EQ(files->tensors()[i].name, sources_[i].name);
  }
}

TEST_F(WeightFilesTest, NewDivisionTakesAwayTheOldFiles) {
  ASSERT_TRUE(Write(100).ok());
  EXPECT_FALSE(base::FileExists(Path("model.safetensors")));
  ASSERT_TRUE(Write().ok());
  EXPECT_TRUE(base::FileExists(Path("model.safetensors")));
  EXPECT_FALSE(base::FileExists(Path("model.safetensors.index.json")));
}

TEST_F(WeightFilesTest, EmptyDirectoryHasNone) {
  EXPECT_FALSE(HasWeightFiles(directory_.path()));
  EXPECT_TRUE(absl::IsNotFound(Open()));
}

TEST_F(WeightFilesTest, ErrorsNameFileAndTensor) {
  const std::vector<TensorSource> whole = sources_;
  const auto error = [&] {
    EXPECT_TRUE(Write().ok());
    sources_ = whole;
    return std::string(Open().message());
  };
  const std::string file = Path("model.safetensors");
  Find("model.layers.1.mlp.up_proj.weight").name = "model.layers.1.mlp.down_proj.bias";
  EXPECT_EQ(error(), file + ": tensor model.layers.1.mlp.up_proj.weight is missing");
  sources_.push_back(Constant("model.layers.2.mlp.up_proj.weight", {3, 4}));
  EXPECT_EQ(
      error(),
      file +
          ": tensor model.layers.2.mlp.up_proj.weight is no parameter of the model in config.json");
  Find("model.norm.weight") = Constant("model.norm.weight", {5});
  EXPECT_EQ(error(),
            file + ": tensor model.norm.weight has shape [5], expected [4] by config.json");
  Find("lm_head.weight").name = "score.weight";
  EXPECT_EQ(error(), file + ": tensor lm_head.weight is missing");
}

TEST_F(WeightFilesTest, RotaryTablesAndTiedHeadAreLeftOut) {
  config_.tie_word_embeddings = true;
  sources_.push_back(Constant("model.layers.0.self_attn.rotary_emb.inv_freq", {1}));
  ASSERT_TRUE(Write().ok());
  const auto files = WeightFiles::Open(directory_.path(), config_);
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(files->tensors().size(), sources_.size() - 2);
}

TEST_F(WeightFilesTest, AnotherHeadThanTheEmbeddingIsSeen) {
  ASSERT_TRUE(Write().ok());
  EXPECT_FALSE(*HasOwnHead(directory_.path()));  // All values are alike.
  Find("lm_head.weight").fill = [](float* out) {
    std::fill(out, out + 24, 0.5F);
    return absl::OkStatus();
  };
  for (const int64_t shard_bytes : {kShardBytes, int64_t{100}}) {
    ASSERT_TRUE(Write(shard_bytes).ok());
    EXPECT_TRUE(*HasOwnHead(directory_.path()));
    config_.tie_word_embeddings = true;
    EXPECT_THAT(std::string(Open().message()),
                HasSubstr("tensors model.embed_tokens.weight and lm_head.weight differ"));
    config_.tie_word_embeddings = false;
    EXPECT_TRUE(Open().ok());
  }
}

TEST_F(WeightFilesTest, QuantizedWeightsAreNamed) {
  Find("model.layers.0.self_attn.q_proj.weight").name = "model.layers.0.self_attn.q_proj.qweight";
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(std::string(Open().message()),
              HasSubstr("tensor model.layers.0.self_attn.q_proj.weight is missing and "
                        "model.layers.0.self_attn.q_proj.qweight is there: the weights are "
                        "quantized by GPTQ or AWQ, which is not read"));
}

TEST_F(WeightFilesTest, IntegersAreNoWeights) {
  ASSERT_TRUE(Write().ok());
  auto bytes = base::ReadFile(Path("model.safetensors"));
  ASSERT_TRUE(bytes.ok());
  bytes->replace(bytes->find("\"F32\""), 5, "\"I32\"");
  ASSERT_TRUE(base::WriteFileAtomically(Path("model.safetensors"), *bytes).ok());
  EXPECT_THAT(
      std::string(Open().message()),
      HasSubstr("tensor model.embed_tokens.weight has dtype I32, expected F32, F16 or BF16"));
}

TEST_F(WeightFilesTest, LostShardIsNamed) {
  ASSERT_TRUE(Write(/*shard_bytes=*/1).ok());  // 21 parameters, one each.
  const std::string shard = Path("model-00002-of-00021.safetensors");
  ASSERT_EQ(std::remove(shard.c_str()), 0);
  EXPECT_THAT(std::string(Open().message()), HasSubstr(shard));
}

TEST_F(WeightFilesTest, IndexThatDisagreesIsRefused) {
  ASSERT_TRUE(Write(100).ok());
  const std::string path = Path("model.safetensors.index.json");
  const auto index = base::ReadFile(path);
  ASSERT_TRUE(index.ok());
  ASSERT_TRUE(base::WriteFileAtomically(
                  path, absl::StrReplaceAll(*index, {{"model.norm.weight", "model.nrm.weight"}}))
                  .ok());
  EXPECT_THAT(
      std::string(Open().message()),
      HasSubstr("tensor model.norm.weight is not in this file by model.safetensors.index.json"));
  ASSERT_TRUE(base::WriteFileAtomically(path, "{").ok());
  EXPECT_THAT(std::string(Open().message()), HasSubstr(path + ": expected a JSON object"));
}

}  // namespace
}  // namespace convrec::model
