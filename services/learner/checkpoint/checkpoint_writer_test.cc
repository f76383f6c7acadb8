#include "services/learner/checkpoint/checkpoint_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cstring>
#include <filesystem>
#include <memory>

#include "libs/base/files.h"
#include "libs/checkpoint/folders.h"
#include "libs/checkpoint/optimizer_shards.h"
#include "libs/model/safetensors.h"
#include "services/learner/checkpoint/export_model.h"
#include "services/learner/train/testing/tiny_decoder.h"
#include "services/learner/train/testing/whole_batch.h"
#include "services/learner/train/trainer.h"

namespace convrec::learner {
namespace {

using base::JoinPath;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CheckpointWriterTest : public ::testing::Test {
 protected:
  CheckpointWriterTest() : policy_(MakeTinyDecoder()), trainer_(MakeTrainer(policy_.get())) {
    EXPECT_TRUE(base::MakeDirectories(source()).ok());
    EXPECT_TRUE(
        base::WriteFileAtomically(JoinPath(source(), "tokenizer.json"), "{\"of\": \"source\"}")
            .ok());
  }

  static std::unique_ptr<Trainer> MakeTrainer(model::Decoder* policy) {
    Trainer::Options options;
    options.schedule = {.peak = 1e-2, .decay = Decay::kCosine, .warmup_steps = 2, .total_steps = 8};
    return *Trainer::Create(options, policy);
  }
  std::string root() const { return checkpoint::CheckpointRoot(folder_.path()); }
  std::string source() const { return JoinPath(folder_.path(), "source"); }
  checkpoint::CheckpointOptions Options(const std::string& name) const {
    return {.root = root(),
            .name = name,
            .source_directory = source(),
            .prompt = "{}\n",
            .caller_state = "state of " + name,
            .keep = 2};
  }
  void Write(const checkpoint::CheckpointOptions& options) {
    EXPECT_TRUE(writer_.Begin(options, *policy_, trainer_.get()).ok());
    const absl::Status status = writer_.Finish();
    EXPECT_TRUE(status.ok()) << status;
  }
  checkpoint::Checkpoint Newest() const {
    const absl::StatusOr<std::optional<checkpoint::Checkpoint>> newest =
        checkpoint::LoadNewestCheckpoint(root());
    EXPECT_TRUE(newest.ok()) << newest.status();
    EXPECT_TRUE(newest->has_value());
    return newest->value_or(checkpoint::Checkpoint());
  }

  static absl::Status Restore(const checkpoint::Checkpoint& checkpoint, Trainer* trainer) {
    return RankShards("", nullptr, {}).Restore(checkpoint, trainer);
  }

  base::TemporaryDirectory folder_;
  std::unique_ptr<model::Decoder> policy_;
  std::unique_ptr<Trainer> trainer_;
  RankShards shards_{root(), nullptr, absl::Minutes(1)};
  CheckpointWriter writer_{&shards_};
};

std::vector<std::string> HiddenFolders(const std::string& root) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    if (entry.path().filename().string()[0] == '.') names.push_back(entry.path().string());
  }
  return names;
}

void Steps(Trainer* trainer, uint64_t first, uint64_t count) {
  for (uint64_t step = first; step < first + count; ++step) {
    const absl::StatusOr<StepStats> stats =
        PolicyStep(*trainer, MakeTinyBatch(2, TinyObjective(), 0, /*seed=*/step), nullptr);
    ASSERT_TRUE(stats.ok()) << stats.status();
    ASSERT_TRUE(stats->updates[0].is_applied);
  }
}

TEST_F(CheckpointWriterTest, ResumedRunEqualsUninterruptedOneBitForBit) {
  const auto straight = MakeTinyDecoder();
  Steps(MakeTrainer(straight.get()).get(), 0, 6);

  Steps(trainer_.get(), 0, 3);
  Write(Options("rl-3"));
  const checkpoint::Checkpoint checkpoint = Newest();
  absl::StatusOr<std::unique_ptr<model::Decoder>> resumed =
      model::LoadDecoder(checkpoint.directory, {.device = "cpu", .trainable = true, .seed = 9});
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  const auto trainer = MakeTrainer(resumed->get());
  const absl::Status restored = Restore(checkpoint, trainer.get());
  ASSERT_TRUE(restored.ok()) << restored;
  EXPECT_EQ(trainer->num_updates(), 3);
  Steps(trainer.get(), 3, 3);
  for (size_t i = 0; i < straight->parameters().size(); ++i) {
    EXPECT_TRUE((*resumed)->parameters()[i].tensor.equal(straight->parameters()[i].tensor))
        << straight->parameters()[i].name;
  }
}

TEST_F(CheckpointWriterTest, HoldsTheTokenizerAndTheCallersState) {
  Write(Options("rl-1"));
  const checkpoint::Checkpoint checkpoint = Newest();
  EXPECT_EQ(checkpoint.name, "rl-1");
  EXPECT_EQ(checkpoint.caller_state, "state of rl-1");
  EXPECT_EQ(*base::ReadFile(JoinPath(checkpoint.directory, "tokenizer.json")),
            "{\"of\": \"source\"}");
}

TEST_F(CheckpointWriterTest, KeepsTheNewestAndTheEndsOfStages) {
  checkpoint::CheckpointOptions stage_end = Options("sft-9");
  stage_end.keep_always = true;
  Write(stage_end);
  for (const char* name : {"rl-1", "rl-2", "rl-3"}) Write(Options(name));
  EXPECT_THAT(checkpoint::SubfolderNames(root()), ElementsAre("rl-2", "rl-3", "sft-9"));
  EXPECT_EQ(Newest().name, "rl-3");
  EXPECT_EQ(Newest().sequence, 3);
}

TEST_F(CheckpointWriterTest, KeepsTheBestBesideTheNewest) {
  for (const char* name : {"rl-1", "rl-2", "rl-3", "rl-4"}) {
    checkpoint::CheckpointOptions options = Options(name);
    options.best = "rl-1";
    Write(options);
  }
  EXPECT_THAT(checkpoint::SubfolderNames(root()), ElementsAre("rl-1", "rl-3", "rl-4"));
}

TEST_F(CheckpointWriterTest, CheckpointOfTheSameNameIsReplaced) {
  checkpoint::CheckpointOptions options = Options("rl-1");
  options.keep_always = true;
  Write(options);
  options.caller_state = "second";
  options.keep_always = false;
  Write(options);
  EXPECT_EQ(Newest().caller_state, "second");
  EXPECT_TRUE(Newest().keep_always);  // Once the end of a stage, always one.
  EXPECT_THAT(checkpoint::SubfolderNames(root()), ElementsAre("rl-1"));
}

TEST_F(CheckpointWriterTest, NoCheckpointIsNoError) {
  const absl::StatusOr<std::optional<checkpoint::Checkpoint>> newest =
      checkpoint::LoadNewestCheckpoint(root());
  ASSERT_TRUE(newest.ok()) << newest.status();
  EXPECT_FALSE(newest->has_value());
}

TEST_F(CheckpointWriterTest, TornFolderIsNeverLoadedAndIsCleanedUp) {
  Write(Options("rl-1"));
  const std::string torn = JoinPath(root(), ".writing-rl-2");
  ASSERT_TRUE(base::MakeDirectories(torn).ok());
  ASSERT_TRUE(base::WriteFileAtomically(JoinPath(torn, "trainer_state.json"), "{}").ok());
  EXPECT_EQ(Newest().name, "rl-1");
  Write(Options("rl-3"));
  EXPECT_FALSE(base::FileExists(torn));
}

TEST_F(CheckpointWriterTest, NewestWholeFolderIsFoundWithoutTheMarker) {
  Write(Options("rl-9"));
  Write(Options("rl-10"));
  std::filesystem::remove(JoinPath(root(), "latest"));
  EXPECT_EQ(Newest().name, "rl-10");
  ASSERT_TRUE(base::WriteFileAtomically(JoinPath(root(), "latest"), "rl-11\n").ok());
  EXPECT_EQ(Newest().name, "rl-10");
}

TEST_F(CheckpointWriterTest, OptimizerOfAnotherModelOrNoneIsRefused) {
  const checkpoint::CheckpointOptions options = Options("rl-0");
  ASSERT_TRUE(writer_.Begin(options, *policy_, nullptr).ok());
  ASSERT_TRUE(writer_.Finish().ok());
  EXPECT_THAT(std::string(Restore(Newest(), trainer_.get()).message()),
              HasSubstr("was written without the optimizer"));
  Write(options);
  checkpoint::Checkpoint checkpoint = Newest();
  const std::vector<model::TensorSource> other = {
      {"w[0:2]", {2}, [](float*) { return absl::OkStatus(); }}};
  const std::string path = JoinPath(checkpoint.directory, checkpoint::ShardFileName(0, 1));
  ASSERT_TRUE(model::WriteSafetensors(path, other, "F32").ok());
  const absl::Status status = Restore(checkpoint, trainer_.get());
  EXPECT_THAT(std::string(status.message()), HasSubstr("has w, which the model lacks"));
  EXPECT_EQ(trainer_->num_updates(), 0);
}

TEST_F(CheckpointWriterTest, CheckpointsOfTheFirstFormatAreResumedFrom) {
  Steps(trainer_.get(), 0, 2);
  const std::string directory = JoinPath(root(), "rl-2");
  ASSERT_TRUE(ExportModel(*policy_, {.source_directory = source(), .prompt = ""}, directory).ok());
  std::vector<model::TensorSource> sources;
  const std::vector<MomentPiece> moments = trainer_->Moments(0);
  for (size_t i = 0; i < moments.size(); ++i) {
    // They had the shape of their parameter.
    sources.push_back({moments[i].name,
                       policy_->parameters()[i / 2].tensor.sizes().vec(),
                       [moment = moments[i]](float* out) {
                         at::from_blob(out, {moment.size}, at::kFloat).copy_(moment.values_N);
                         return absl::OkStatus();
                       }});
  }
  ASSERT_TRUE(
      model::WriteSafetensors(JoinPath(directory, "optimizer.safetensors"), sources, "F32").ok());
  ASSERT_TRUE(base::WriteFileAtomically(
                  JoinPath(directory, checkpoint::kManifestFile),
                  R"({"format": 1, "sequence": 4, "keep_always": false, "has_optimizer": true,
                      "optimizer_steps": 2, "caller_state": "of old"})")
                  .ok());
  const checkpoint::Checkpoint checkpoint = Newest();
  EXPECT_EQ(checkpoint.caller_state, "of old");
  const auto resumed = MakeTinyDecoder(7);
  const auto trainer = MakeTrainer(resumed.get());
  const absl::Status status = Restore(checkpoint, trainer.get());
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(trainer->num_updates(), 2);
  const std::vector<MomentPiece> restored = trainer->Moments(0);
  for (size_t i = 0; i < moments.size(); ++i)
    EXPECT_TRUE(restored[i].values_N.equal(moments[i].values_N)) << moments[i].name;
  Write(Options("rl-3"));
  EXPECT_EQ(Newest().sequence, 5);
}

TEST_F(CheckpointWriterTest, EveryFileHasItsDigestInTheManifest) {
  Steps(trainer_.get(), 0, 1);
  Write(Options("rl-1"));
  std::vector<std::string> names;
  for (const checkpoint::CheckpointFile& file : Newest().files) names.push_back(file.name);
  EXPECT_THAT(names,
              ElementsAre("config.json",
                          "convrec.json",
                          "model.safetensors",
                          "optimizer-00001-of-00001.safetensors",
                          "tokenizer.json"));
}

TEST_F(CheckpointWriterTest, ADamagedFileOfAnyKindIsNamedAndSoIsTheCheckpointThatIsWhole) {
  Steps(trainer_.get(), 0, 1);
  Write(Options("rl-1"));
  Write(Options("rl-2"));
  const checkpoint::Checkpoint newest = Newest();
  std::vector<std::string> names = {checkpoint::kManifestFile};
  for (const checkpoint::CheckpointFile& file : newest.files) names.push_back(file.name);
  for (const std::string& name : names) {
    const std::string path = JoinPath(newest.directory, name);
    const std::string whole = *base::ReadFile(path);
    std::string flipped = whole;
    flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
    for (const std::string& content : {flipped, whole.substr(0, whole.size() / 2)}) {
      ASSERT_TRUE(base::WriteFileAtomically(path, content).ok());
      const absl::Status status = checkpoint::LoadNewestCheckpoint(root()).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << name;
      EXPECT_THAT(std::string(status.message()), HasSubstr(path));
      EXPECT_THAT(std::string(status.message()),
                  HasSubstr("; rl-1 is whole: remove " + newest.directory));
    }
    std::filesystem::remove(path);
    EXPECT_THAT(std::string(checkpoint::LoadNewestCheckpoint(root()).status().message()),
                HasSubstr(path));
    ASSERT_TRUE(base::WriteFileAtomically(path, whole).ok());
  }
  EXPECT_EQ(Newest().name, "rl-2");
  std::filesystem::remove_all(newest.directory);  // The way out.
  EXPECT_EQ(Newest().name, "rl-1");
}

TEST_F(CheckpointWriterTest, FailedWriteLeavesTheOlderCheckpoint) {
  Write(Options("rl-1"));
  checkpoint::CheckpointOptions options = Options("rl-2");
  std::filesystem::create_directory(
      JoinPath(source(), "vocab.json"));  // Exists and cannot be read.
  ASSERT_TRUE(writer_.Begin(options, *policy_, trainer_.get()).ok());
  EXPECT_FALSE(writer_.Finish().ok());
  EXPECT_EQ(Newest().name, "rl-1");
  EXPECT_THAT(HiddenFolders(root()), ElementsAre());
}

TEST_F(CheckpointWriterTest, WriterKeepsTheStateOfTheMomentItWasCalled) {
  Steps(trainer_.get(), 0, 1);
  const at::Tensor before = policy_->parameters()[0].tensor.detach().clone();
  const MomentPiece moment = trainer_->Moments(0)[0];
  const at::Tensor moment_before = moment.values_N.clone();
  ASSERT_TRUE(writer_.Begin(Options("rl-1"), *policy_, trainer_.get()).ok());
  Steps(trainer_.get(), 1, 3);  // Goes on while the writer writes.
  ASSERT_TRUE(writer_.Begin(Options("rl-4"), *policy_, trainer_.get()).ok());
  ASSERT_TRUE(writer_.Finish().ok());
  EXPECT_EQ(Newest().name, "rl-4");
  const absl::StatusOr<checkpoint::Checkpoint> first = checkpoint::ReadManifest(root(), "rl-1");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE((*model::LoadDecoder(first->directory, {}))->parameters()[0].tensor.equal(before));
  const absl::StatusOr<checkpoint::OptimizerShards> shards =
      checkpoint::OptimizerShards::Open(*first);
  ASSERT_TRUE(shards.ok()) << shards.status();
  std::vector<float> written(static_cast<size_t>(moment.size));
  ASSERT_TRUE(shards->Read(moment.name, 0, moment.size, written.data()).ok());
  EXPECT_EQ(
      std::memcmp(written.data(), moment_before.const_data_ptr(), written.size() * sizeof(float)),
      0);
}

TEST_F(CheckpointWriterTest, WriterReportsAFailedWriteAtTheNextCall) {
  std::filesystem::create_directory(JoinPath(source(), "vocab.json"));
  ASSERT_TRUE(writer_.Begin(Options("rl-1"), *policy_, trainer_.get()).ok());
  EXPECT_FALSE(writer_.Begin(Options("rl-2"), *policy_, trainer_.get()).ok());
  EXPECT_TRUE(writer_.Finish().ok());  // Told once.
  EXPECT_FALSE(checkpoint::LoadNewestCheckpoint(root())->has_value());
}

TEST_F(CheckpointWriterTest, ExportedModelLoads) {
  const std::string directory = JoinPath(folder_.path(), "model");
  const ModelCompanions companions{.source_directory = source(), .prompt = "{}\n"};
  ASSERT_TRUE(ExportModel(*policy_, companions, directory).ok());
  EXPECT_TRUE(base::FileExists(JoinPath(directory, "tokenizer.json")));
  EXPECT_EQ(base::ReadFile(JoinPath(directory, "convrec.json")).value_or(""), "{}\n");
  const auto loaded = model::LoadDecoder(directory, {});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_TRUE((*loaded)->parameters()[0].tensor.equal(policy_->parameters()[0].tensor));
}

}  // namespace
}  // namespace convrec::learner
