#include "tools/convrec/checkpoint_survey.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "libs/base/files.h"
#include "libs/checkpoint/folders.h"
#include "libs/checkpoint/unfinished_checkpoint.h"
#include "libs/model/parameter_table.h"
#include "libs/model/weight_files.h"
#include "libs/report/run_log.h"
#include "tools/convrec/model_export.h"

namespace convrec::cli {
namespace {

using base::JoinPath;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CheckpointSurveyTest : public ::testing::Test {
 protected:
  CheckpointSurveyTest() {
    config_.vocab_size = 4;
    config_.hidden_size = 4;
    config_.intermediate_size = 8;
    config_.num_layers = 1;
    config_.num_heads = 1;
    config_.num_kv_heads = 1;
    config_.head_dim = 4;
    config_.max_position_embeddings = 16;
    config_.tie_word_embeddings = true;
  }
  const std::string& run_dir() const { return dir_.path(); }
  std::string folder(const std::string& name) const {
    return JoinPath(checkpoint::CheckpointRoot(run_dir()), name);
  }

  void Write(const std::string& name, bool keep_always = false) {
    auto checkpoint =
        checkpoint::UnfinishedCheckpoint::Create({.root = checkpoint::CheckpointRoot(run_dir()),
                                                  .name = name,
                                                  .keep_always = keep_always,
                                                  .keep = 10});
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    std::vector<model::TensorSource> sources;
    for (const model::ParameterSpec& spec : model::ParameterTable(config_)) {
      int64_t size = 1;
      for (const int64_t extent : spec.shape) size *= extent;
      sources.push_back({spec.name, spec.shape, [size](float* out) {
                           for (int64_t i = 0; i < size; ++i)
                             out[i] = 1.0F + static_cast<float>(i) / 1024;
                           return absl::OkStatus();
                         }});
    }
    ASSERT_TRUE(model::WriteWeightFiles(checkpoint->path(), sources, "F32").ok());
    const auto write = [&](const std::string& file, const std::string& text) {
      ASSERT_TRUE(base::WriteFileAtomically(JoinPath(checkpoint->path(), file), text).ok());
    };
    write("config.json", model::ToConfigJson(config_, "float32"));
    write("tokenizer.json", "{}");
    write("optimizer-00001-of-00002.safetensors", "first");
    write("optimizer-00002-of-00002.safetensors", "second");
    checkpoint->SetOptimizer(1);
    const absl::Status status = checkpoint->Commit({});
    ASSERT_TRUE(status.ok()) << status;
  }
  void Damage(const std::string& name, const std::string& file) {
    std::string content = *base::ReadFile(JoinPath(folder(name), file));
    content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 4);
    ASSERT_TRUE(base::WriteFileAtomically(JoinPath(folder(name), file), content).ok());
  }

  base::TemporaryDirectory dir_;
  model::ModelConfig config_;
};

TEST_F(CheckpointSurveyTest, TellsSizeShardsAndWhatTheLogKnows) {
  Write("rl-0", /*keep_always=*/true);
  Write("rl-5");
  report::Evaluation test, validation;
  test.stage = validation.stage = report::Stage::kRl;
  test.step = validation.step = 5;
  test.split = report::Split::kTest;
  validation.split = report::Split::kValidation;
  test.list("ndcg").back() = 0.25;
  validation.list("ndcg").back() = 0.5;
  for (const report::Evaluation& evaluation : {validation, test}) {
    ASSERT_TRUE(base::AppendToFile(JoinPath(run_dir(), "metrics.jsonl"),
                                   report::FormatRecord(evaluation) + "\n")
                    .ok());
  }
  const auto survey = SurveyCheckpoints(run_dir(), /*verifies=*/true);
  ASSERT_TRUE(survey.ok()) << survey.status();
  ASSERT_EQ(survey->size(), 2u);
  const SurveyedCheckpoint& first = (*survey)[0];
  EXPECT_EQ(first.name, "rl-0");
  EXPECT_TRUE(first.keep_always && first.is_verified && !first.is_newest && !first.ndcg);
  const SurveyedCheckpoint& second = (*survey)[1];
  EXPECT_TRUE(second.is_newest && second.is_verified);
  EXPECT_EQ(second.num_shards, 2);
  EXPECT_EQ(second.ndcg, 0.5);
  EXPECT_THAT(ToTable(*survey), HasSubstr("0.5000  newest, verified\n"));
  const auto json = nlohmann::json::parse(ToJsonLines({second}));
  EXPECT_EQ(json["ndcg"], 0.5);
  EXPECT_EQ(json["size_bytes"], second.size_bytes);
  EXPECT_TRUE(json["damage"].is_null());
}

TEST_F(CheckpointSurveyTest, DamageIsFoundByReadingTheFiles) {
  Write("rl-1");
  Write("rl-2");
  Damage("rl-1", "optimizer-00002-of-00002.safetensors");
  Damage("rl-2", "trainer_state.json");
  const auto quick = SurveyCheckpoints(run_dir(), /*verifies=*/false);
  ASSERT_TRUE(quick.ok());
  const auto thorough = SurveyCheckpoints(run_dir(), /*verifies=*/true);
  ASSERT_TRUE(thorough.ok());
  // One whose manifest cannot be read has no place in the order.
  EXPECT_EQ((*quick)[0].name, "rl-2");
  EXPECT_THAT((*quick)[0].damage, HasSubstr("trainer_state.json"));
  EXPECT_EQ((*quick)[1].damage, "");
  EXPECT_THAT((*thorough)[1].damage, HasSubstr("optimizer-00002-of-00002.safetensors is damaged"));
}

TEST_F(CheckpointSurveyTest, ARunWithoutCheckpointsIsNamed) {
  EXPECT_THAT(std::string(SurveyCheckpoints(run_dir(), false).status().message()),
              HasSubstr("holds no checkpoint"));
  EXPECT_EQ(FindCheckpoint(run_dir(), "").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(CheckpointSurveyTest, ACheckpointIsFoundByRunAndNameOrByItsFolder) {
  Write("rl-1");
  Write("rl-2");
  EXPECT_EQ(FindCheckpoint(run_dir(), "")->name, "rl-2");
  EXPECT_EQ(FindCheckpoint(run_dir(), "rl-1")->name, "rl-1");
  EXPECT_EQ(FindCheckpoint(folder("rl-1"), "")->name, "rl-1");
  EXPECT_EQ(FindCheckpoint(folder("rl-1") + "/", "")->directory, folder("rl-1"));
  EXPECT_THAT(std::string(FindCheckpoint(run_dir(), "rl-9").status().message()),
              HasSubstr("has no checkpoint \"rl-9\", it has: rl-1, rl-2"));
}

TEST_F(CheckpointSurveyTest, AnExportIsTheModelAndNothingElse) {
  Write("rl-1");
  const std::string out = JoinPath(run_dir(), "exported");
  ASSERT_TRUE(ExportCheckpoint(*FindCheckpoint(run_dir(), "rl-1"), out, "F32").ok());
  EXPECT_THAT(checkpoint::FileNames(out),
              ElementsAre("config.json", "model.safetensors", "tokenizer.json"));
  EXPECT_EQ(*base::ReadFile(JoinPath(out, "model.safetensors")),
            *base::ReadFile(JoinPath(folder("rl-1"), "model.safetensors")));
  EXPECT_THAT(
      std::string(ExportCheckpoint(*FindCheckpoint(run_dir(), "rl-1"), out, "F32").message()),
      HasSubstr("exists and is not empty"));
}

TEST_F(CheckpointSurveyTest, AnExportCanBeRounded) {
  Write("rl-1");
  const std::string out = JoinPath(run_dir(), "exported");
  const absl::Status status =
      ExportCheckpoint(*FindCheckpoint(folder("rl-1"), ""), out + "/", "BF16");
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(*base::ReadFile(JoinPath(out, "config.json")), HasSubstr("bfloat16"));
  const auto files = model::WeightFiles::Open(out, config_);
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(files->tensors()[0].dtype, "BF16");
  EXPECT_EQ(files->tensors()[0].bytes[1], 0x3F);  // 1.0 is 0x3F80.
}

TEST_F(CheckpointSurveyTest, ADamagedCheckpointIsNotExported) {
  Write("rl-1");
  Damage("rl-1", "model.safetensors");
  const std::string out = JoinPath(run_dir(), "exported");
  EXPECT_THAT(std::string(ExportCheckpoint(*FindCheckpoint(run_dir(), ""), out, "F32").message()),
              HasSubstr("model.safetensors is damaged"));
  EXPECT_FALSE(base::FileExists(out));
}

}  // namespace
}  // namespace convrec::cli
