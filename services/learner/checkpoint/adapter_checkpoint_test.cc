// Checkpoints and exports of a policy with an adapter.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <memory>

#include "libs/base/files.h"
#include "libs/model/adapter.h"
#include "services/learner/checkpoint/checkpoint_writer.h"
#include "services/learner/checkpoint/export_model.h"
#include "services/learner/train/testing/tiny_decoder.h"
#include "services/learner/train/testing/whole_batch.h"
#include "services/learner/train/trainer.h"

namespace convrec::learner {
namespace {

using base::JoinPath;

std::unique_ptr<Trainer> MakeTrainer(model::Decoder* policy) {
  Trainer::Options options;
  options.schedule = {.peak = 1e-2, .decay = Decay::kCosine, .warmup_steps = 2, .total_steps = 8};
  return *Trainer::Create(options, policy);
}

void Steps(Trainer* trainer, uint64_t first, uint64_t count) {
  for (uint64_t step = first; step < first + count; ++step) {
    ASSERT_TRUE(
        PolicyStep(*trainer, MakeTinyBatch(2, TinyObjective(), 0, /*seed=*/step), nullptr).ok());
  }
}

TEST(AdapterCheckpointTest, ResumedRunEqualsUninterruptedOneBitForBit) {
  const auto straight = MakeTinyDecoder(1, true, TinyLora());
  Steps(MakeTrainer(straight.get()).get(), 0, 6);

  const base::TemporaryDirectory folder;
  const auto stopped = MakeTinyDecoder(1, true, TinyLora());
  const auto trainer = MakeTrainer(stopped.get());
  Steps(trainer.get(), 0, 3);
  RankShards shards(checkpoint::CheckpointRoot(folder.path()), nullptr, absl::Minutes(1));
  CheckpointWriter writer(&shards);
  ASSERT_TRUE(writer
                  .Begin({.root = checkpoint::CheckpointRoot(folder.path()),
                          .name = "rl-3",
                          .source_directory = folder.path(),
                          .caller_state = ""},
                         *stopped,
                         trainer.get())
                  .ok());
  Steps(trainer.get(), 3, 1);  // What is being written stays as it was.
  ASSERT_TRUE(writer.Finish().ok());

  const auto checkpoint =
      *checkpoint::LoadNewestCheckpoint(checkpoint::CheckpointRoot(folder.path()));
  EXPECT_FALSE(base::FileExists(JoinPath(checkpoint->directory, "model.safetensors")));
  const auto resumed = MakeTinyDecoder(1, true, TinyLora());
  ASSERT_TRUE(model::LoadAdapter(checkpoint->directory, resumed.get()).ok());
  const auto second = MakeTrainer(resumed.get());
  const absl::Status restored = shards.Restore(*checkpoint, second.get());
  ASSERT_TRUE(restored.ok()) << restored;
  Steps(second.get(), 3, 3);
  for (size_t i = 0; i < straight->adapter().size(); ++i) {
    EXPECT_TRUE(resumed->adapter()[i].tensor.equal(straight->adapter()[i].tensor))
        << straight->adapter()[i].name;
  }
}

TEST(AdapterCheckpointTest, ARunLeavesTheMergedModelAndTheAdapter) {
  const base::TemporaryDirectory folder;
  const auto policy = MakeTinyDecoder(1, true, TinyLora());
  const auto trainer = MakeTrainer(policy.get());
  Steps(trainer.get(), 0, 3);
  ASSERT_TRUE(ExportModel(*policy,
                          {.source_directory = folder.path(), .prompt = ""},
                          JoinPath(folder.path(), "model"))
                  .ok());
  ASSERT_TRUE(ExportAdapter(*policy,
                            {.source_directory = folder.path(), .prompt = ""},
                            JoinPath(folder.path(), "adapter"))
                  .ok());
  const auto merged = *model::LoadDecoder(JoinPath(folder.path(), "model"), {});
  const auto adapted = MakeTinyDecoder(1, false, TinyLora());
  ASSERT_TRUE(model::LoadAdapter(JoinPath(folder.path(), "adapter"), adapted.get()).ok());
  const std::vector<int32_t> prompt = {1, 2}, list = {3, 4, 5};
  const std::vector<TokenGroup> tokens = {{prompt, {list}}};
  const auto expected = *trainer->Logprobs(*policy, tokens);
  const auto of_merged = *trainer->Logprobs(*merged, tokens);
  EXPECT_EQ(*trainer->Logprobs(*adapted, tokens), expected);
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(of_merged[0][0][i], expected[0][0][i], 1e-5);
  EXPECT_THAT(*base::ReadFile(JoinPath(folder.path(), "adapter/adapter_config.json")),
              testing::HasSubstr("\"base_model_name_or_path\": \"/"));
}

}  // namespace
}  // namespace convrec::learner
