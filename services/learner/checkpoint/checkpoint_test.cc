#include "services/learner/checkpoint/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cstring>
#include <filesystem>
#include <memory>

#include "libs/base/files.h"
#include "libs/model/safetensors.h"
#include "services/learner/checkpoint/checkpoint_writer.h"
#include "services/learner/checkpoint/folders.h"
#include "services/learner/train/tiny_decoder.h"
#include "services/learner/train/trainer.h"

namespace convrec::learner {
namespace {

using base::JoinPath;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() : policy_(MakeTinyDecoder()), trainer_(MakeTrainer(policy_.get())) {
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
  std::string root() const { return CheckpointRoot(folder_.path()); }
  std::string source() const { return JoinPath(folder_.path(), "source"); }
  CheckpointOptions Options(const std::string& name) const {
    return {.root = root(),
            .name = name,
            .source_directory = source(),
            .caller_state = "state of " + name,
            .keep = 2};
  }
  void Write(const CheckpointOptions& options) {
    const OptimizerState state = trainer_->TakeOptimizerState();
    const absl::Status status = WriteCheckpoint(options, *policy_, &state);
    EXPECT_TRUE(status.ok()) << status;
  }
  Checkpoint Newest() const {
    const absl::StatusOr<std::optional<Checkpoint>> newest = LoadNewestCheckpoint(root());
    EXPECT_TRUE(newest.ok()) << newest.status();
    EXPECT_TRUE(newest->has_value());
    return newest->value_or(Checkpoint());
  }

  base::TemporaryDirectory folder_;
  std::unique_ptr<model::Decoder> policy_;
  std::unique_ptr<Trainer> trainer_;
};

void Steps(Trainer* trainer, uint64_t first, uint64_t count) {
  for (uint64_t step = first; step < first + count; ++step) {
    const absl::StatusOr<StepStats> stats =
        trainer->PolicyStep(MakeTinyBatch(2, TinyObjective(), 0, /*seed=*/step), nullptr);
    ASSERT_TRUE(stats.ok()) << stats.status();
    ASSERT_TRUE(stats->updates[0].is_applied);
  }
}

TEST_F(CheckpointTest, ResumedRunEqualsUninterruptedOneBitForBit) {
  const auto straight = MakeTinyDecoder();
  Steps(MakeTrainer(straight.get()).get(), 0, 6);

  Steps(trainer_.get(), 0, 3);
  Write(Options("rl-3"));
  const Checkpoint checkpoint = Newest();
  absl::StatusOr<std::unique_ptr<model::Decoder>> resumed =
      model::LoadDecoder(checkpoint.directory, {.device = "cpu", .trainable = true, .seed = 9});
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  const auto trainer = MakeTrainer(resumed->get());
  const absl::Status restored = RestoreOptimizer(checkpoint, trainer.get());
  ASSERT_TRUE(restored.ok()) << restored;
  EXPECT_EQ(trainer->num_updates(), 3);
  Steps(trainer.get(), 3, 3);
  for (size_t i = 0; i < straight->parameters().size(); ++i) {
    EXPECT_TRUE((*resumed)->parameters()[i].tensor.equal(straight->parameters()[i].tensor))
        << straight->parameters()[i].name;
  }
}

TEST_F(CheckpointTest, HoldsTheTokenizerAndTheCallersState) {
  Write(Options("rl-1"));
  const Checkpoint checkpoint = Newest();
  EXPECT_EQ(checkpoint.name, "rl-1");
  EXPECT_EQ(checkpoint.caller_state, "state of rl-1");
  EXPECT_EQ(*base::ReadFile(JoinPath(checkpoint.directory, "tokenizer.json")),
            "{\"of\": \"source\"}");
}

TEST_F(CheckpointTest, KeepsTheNewestAndTheEndsOfStages) {
  CheckpointOptions stage_end = Options("sft-9");
  stage_end.keep_always = true;
  Write(stage_end);
  for (const char* name : {"rl-1", "rl-2", "rl-3"}) Write(Options(name));
  EXPECT_THAT(SubfolderNames(root()), ElementsAre("rl-2", "rl-3", "sft-9"));
  EXPECT_EQ(Newest().name, "rl-3");
  EXPECT_EQ(Newest().sequence, 3);
}

TEST_F(CheckpointTest, KeepsTheBestBesideTheNewest) {
  for (const char* name : {"rl-1", "rl-2", "rl-3", "rl-4"}) {
    CheckpointOptions options = Options(name);
    options.best = "rl-1";
    Write(options);
  }
  EXPECT_THAT(SubfolderNames(root()), ElementsAre("rl-1", "rl-3", "rl-4"));
}

TEST_F(CheckpointTest, CheckpointOfTheSameNameIsReplaced) {
  CheckpointOptions options = Options("rl-1");
  options.keep_always = true;
  Write(options);
  options.caller_state = "second";
  options.keep_always = false;
  Write(options);
  EXPECT_EQ(Newest().caller_state, "second");
  EXPECT_TRUE(Newest().keep_always);  // Once the end of a stage, always one.
  EXPECT_THAT(SubfolderNames(root()), ElementsAre("rl-1"));
}

TEST_F(CheckpointTest, NoCheckpointIsNoError) {
  const absl::StatusOr<std::optional<Checkpoint>> newest = LoadNewestCheckpoint(root());
  ASSERT_TRUE(newest.ok()) << newest.status();
  EXPECT_FALSE(newest->has_value());
}

TEST_F(CheckpointTest, TornFolderIsNeverLoadedAndIsCleanedUp) {
  Write(Options("rl-1"));
  const std::string torn = JoinPath(root(), ".writing-rl-2");
  ASSERT_TRUE(base::MakeDirectories(torn).ok());
  ASSERT_TRUE(base::WriteFileAtomically(JoinPath(torn, "trainer_state.json"), "{}").ok());
  EXPECT_EQ(Newest().name, "rl-1");
  Write(Options("rl-3"));
  EXPECT_FALSE(base::FileExists(torn));
}

TEST_F(CheckpointTest, NewestWholeFolderIsFoundWithoutTheMarker) {
  Write(Options("rl-9"));
  Write(Options("rl-10"));
  std::filesystem::remove(JoinPath(root(), "latest"));
  EXPECT_EQ(Newest().name, "rl-10");
  ASSERT_TRUE(base::WriteFileAtomically(JoinPath(root(), "latest"), "rl-11\n").ok());
  EXPECT_EQ(Newest().name, "rl-10");
}

TEST_F(CheckpointTest, DamagedStateIsAnErrorThatNamesTheFile) {
  Write(Options("rl-1"));
  const std::string path = JoinPath(Newest().directory, "trainer_state.json");
  ASSERT_TRUE(base::WriteFileAtomically(path, "{\"format\": 1").ok());
  EXPECT_THAT(std::string(LoadNewestCheckpoint(root()).status().message()), HasSubstr(path));
  ASSERT_TRUE(base::WriteFileAtomically(
                  path,
                  R"({"format": 2, "sequence": 0, "keep_always": false, "has_optimizer": true,
                      "optimizer_steps": 0, "caller_state": ""})")
                  .ok());
  EXPECT_THAT(std::string(LoadNewestCheckpoint(root()).status().message()),
              HasSubstr("has format 2, expected 1"));
}

TEST_F(CheckpointTest, OptimizerOfAnotherModelOrNoneIsRefused) {
  const CheckpointOptions options = Options("rl-0");
  ASSERT_TRUE(WriteCheckpoint(options, *policy_, nullptr).ok());
  EXPECT_THAT(std::string(RestoreOptimizer(Newest(), trainer_.get()).message()),
              HasSubstr("was written without optimizer"));
  Write(options);
  const std::vector<model::TensorSource> other = {
      {"w", {2}, [](float*) { return absl::OkStatus(); }}};
  const std::string path = JoinPath(Newest().directory, "optimizer.safetensors");
  ASSERT_TRUE(model::WriteSafetensors(path, other, "F32").ok());
  EXPECT_THAT(std::string(RestoreOptimizer(Newest(), trainer_.get()).message()),
              HasSubstr("optimizer.safetensors: "));
}

TEST_F(CheckpointTest, FailedWriteLeavesTheOlderCheckpoint) {
  Write(Options("rl-1"));
  CheckpointOptions options = Options("rl-2");
  std::filesystem::create_directory(
      JoinPath(source(), "vocab.json"));  // Exists and cannot be read.
  const OptimizerState state = trainer_->TakeOptimizerState();
  EXPECT_FALSE(WriteCheckpoint(options, *policy_, &state).ok());
  EXPECT_EQ(Newest().name, "rl-1");
  EXPECT_FALSE(base::FileExists(JoinPath(root(), ".writing-rl-2")));
}

TEST_F(CheckpointTest, WriterKeepsTheStateOfTheMomentItWasCalled) {
  Steps(trainer_.get(), 0, 1);
  const at::Tensor before = policy_->parameters()[0].tensor.detach().clone();
  const at::Tensor moment = trainer_->TakeOptimizerState().moments[0].tensor;
  CheckpointWriter writer;
  ASSERT_TRUE(writer.Begin(Options("rl-1"), *policy_, trainer_->TakeOptimizerState()).ok());
  Steps(trainer_.get(), 1, 3);  // Goes on while the writer writes.
  ASSERT_TRUE(writer.Begin(Options("rl-4"), *policy_, trainer_->TakeOptimizerState()).ok());
  ASSERT_TRUE(writer.Finish().ok());
  EXPECT_EQ(Newest().name, "rl-4");
  const std::string first = JoinPath(root(), "rl-1");
  EXPECT_TRUE((*model::LoadDecoder(first, {}))->parameters()[0].tensor.equal(before));
  const auto file = model::SafetensorsFile::Open(JoinPath(first, "optimizer.safetensors"));
  ASSERT_TRUE(file.ok()) << file.status();
  for (const model::TensorView& view : file->tensors()) {
    if (view.name == trainer_->TakeOptimizerState().moments[0].name) {
      EXPECT_EQ(std::memcmp(view.bytes.data(), moment.const_data_ptr(), view.bytes.size()), 0);
    }
  }
}

TEST_F(CheckpointTest, WriterReportsAFailedWriteAtTheNextCall) {
  std::filesystem::create_directory(JoinPath(source(), "vocab.json"));
  CheckpointWriter writer;
  ASSERT_TRUE(writer.Begin(Options("rl-1"), *policy_, trainer_->TakeOptimizerState()).ok());
  EXPECT_FALSE(writer.Begin(Options("rl-2"), *policy_, trainer_->TakeOptimizerState()).ok());
  EXPECT_TRUE(writer.Finish().ok());  // Told once.
  EXPECT_FALSE(LoadNewestCheckpoint(root())->has_value());
}

TEST_F(CheckpointTest, ExportedModelLoads) {
  const std::string directory = JoinPath(folder_.path(), "model");
  ASSERT_TRUE(ExportModel(*policy_, source(), directory).ok());
  EXPECT_TRUE(base::FileExists(JoinPath(directory, "tokenizer.json")));
  const auto loaded = model::LoadDecoder(directory, {});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_TRUE((*loaded)->parameters()[0].tensor.equal(policy_->parameters()[0].tensor));
}

}  // namespace
}  // namespace convrec::learner
