// Checkpoints of several ranks, which are real processes.
#include "services/learner/checkpoint/rank_shards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cstring>
#include <filesystem>
#include <map>

#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/checkpoint/folders.h"
#include "libs/checkpoint/optimizer_shards.h"
#include "libs/collective/testing/rank_processes.h"
#include "services/learner/checkpoint/checkpoint_writer.h"
#include "services/learner/train/testing/tiny_decoder.h"
#include "services/learner/train/testing/whole_batch.h"

namespace convrec::learner {
namespace {

using base::JoinPath;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Job {
  int size = 2;
  int zero_stage = 2;
  std::string resume_from = {};  // Name of a checkpoint; empty = from the beginning.
  int64_t num_steps = 5;
  int blind_rank = -1;  // Knows the folder of checkpoints by a name that it does not have there.
  int mute_rank = -1;   // Sees it at first, and then no more.
};

class RankShardsTest : public ::testing::Test {
 protected:
  std::string root() const { return checkpoint::CheckpointRoot(dir_.path()); }

  // Trains, with a checkpoint after every step, and gives weights and moments at the end.
  std::map<std::string, std::vector<float>> Train(const Job& job) {
    const std::string name = absl::StrCat("rl-", job.num_steps);
    const auto exits = collective::RunRanks(job.size, [&](int rank, int port, int fd) {
      return RunRank(job, rank, port, fd).ok() ? 0 : 1;
    });
    for (const auto& exit : exits) EXPECT_EQ(exit.status, 0) << exit.output;
    std::map<std::string, std::vector<float>> result;
    const absl::StatusOr<checkpoint::Checkpoint> checkpoint =
        checkpoint::ReadManifest(root(), name);
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
    if (!checkpoint.ok()) return result;
    EXPECT_EQ(checkpoint->optimizer_steps, job.num_steps);
    EXPECT_TRUE(checkpoint::VerifyFiles(*checkpoint).ok());
    const auto model =
        model::SafetensorsFile::Open(JoinPath(checkpoint->directory, "model.safetensors"));
    const absl::StatusOr<checkpoint::OptimizerShards> shards =
        checkpoint::OptimizerShards::Open(*checkpoint);
    EXPECT_TRUE(model.ok() && shards.ok());
    for (const model::TensorView& view : model->tensors()) {
      std::vector<float>& values = result[view.name];
      values.resize(view.bytes.size() / sizeof(float));
      std::memcpy(values.data(), view.bytes.data(), view.bytes.size());
      for (const char* moment : kMoments) {
        std::vector<float>& moments = result[moment + view.name];
        moments.resize(values.size());
        EXPECT_TRUE(
            shards->Read(moment + view.name, 0, static_cast<int64_t>(values.size()), moments.data())
                .ok());
      }
    }
    return result;
  }

  absl::Status RunRank(const Job& job, int rank, int port, int fd) const {
    std::unique_ptr<model::Decoder> policy = MakeTinyDecoder(1 + static_cast<uint64_t>(rank));
    checkpoint::Checkpoint checkpoint;
    if (rank == 0 && !job.resume_from.empty()) {
      CR_ASSIGN_OR_RETURN(checkpoint, checkpoint::ReadManifest(root(), job.resume_from));
      CR_ASSIGN_OR_RETURN(policy, model::LoadDecoder(checkpoint.directory, {.trainable = true}));
    }
    std::unique_ptr<ProcessGroup> group;
    if (job.size > 1) {
      CR_ASSIGN_OR_RETURN(group,
                          ProcessGroup::Connect({.rank = rank,
                                                 .size = job.size,
                                                 .address = "127.0.0.1",
                                                 .port = port,
                                                 .listen_fd = fd,
                                                 .timeout = absl::Seconds(60)}));
    }
    Trainer::Options options;
    options.schedule = {.peak = 1e-3, .decay = Decay::kCosine, .total_steps = 8};
    options.adamw.epsilon = 1e-3;  // A gradient of rounding noise moves nothing.
    options.max_grad_norm = 0.5;
    options.zero_stage = job.zero_stage;
    options.bucket_size = 700;
    CR_ASSIGN_OR_RETURN(const auto trainer,
                        Trainer::Create(options, policy.get(), base::Clock::Real(), group.get()));
    RankShards shards(RootOf(job, rank),
                      group.get(),
                      job.mute_rank < 0 ? absl::Seconds(60) : absl::Milliseconds(300));
    CR_RETURN_IF_ERROR(shards.Meet());
    if (!job.resume_from.empty()) CR_RETURN_IF_ERROR(shards.Restore(checkpoint, trainer.get()));
    // From here on its shards go nowhere.
    if (rank == job.mute_rank) std::filesystem::remove(RootOf(job, rank));
    const absl::Status status = Steps(job, rank, trainer.get(), *policy, &shards);
    if (rank == 0 && !status.ok())
      CR_RETURN_IF_ERROR(
          base::WriteFileAtomically(JoinPath(dir_.path(), "error"), std::string(status.message())));
    if (group != nullptr) {
      group->FromLeader("", "the end");
      group->Leave();
    }
    return absl::OkStatus();
  }

  // A blind rank knows the folder by a name that it does not have there, a mute one by a link.
  std::string RootOf(const Job& job, int rank) const {
    if (rank == job.blind_rank) return JoinPath(dir_.path(), "elsewhere");
    return rank == job.mute_rank ? JoinPath(dir_.path(), "link") : root();
  }

  // All ranks take all steps; the error is that of rank 0's checkpoints.
  absl::Status Steps(const Job& job,
                     int rank,
                     Trainer* trainer,
                     const model::Decoder& policy,
                     RankShards* shards) const {
    CheckpointWriter writer(shards);
    absl::Status status;
    while (trainer->num_updates() < job.num_steps) {
      const auto step = static_cast<uint64_t>(trainer->num_updates());
      CR_RETURN_IF_ERROR(
          PolicyStep(*trainer, MakeTinyBatch(5, TinyObjective(), 0, 3 + step), nullptr, rank)
              .status());
      if (rank > 0) {
        CR_RETURN_IF_ERROR(shards->Begin("", *trainer));
        continue;
      }
      status.Update(writer.Finish());
      status.Update(writer.Begin({.root = root(),
                                  .name = absl::StrCat("rl-", trainer->num_updates()),
                                  .source_directory = dir_.path(),
                                  .keep = 100},
                                 policy,
                                 trainer));
    }
    status.Update(writer.Finish());
    return status;
  }

  std::string Error() const {
    return base::ReadFile(JoinPath(dir_.path(), "error")).value_or("no error");
  }

  std::vector<std::string> FilesOf(const std::string& name) const {
    return checkpoint::FileNames(JoinPath(root(), name));
  }

  base::TemporaryDirectory dir_;
};

void ExpectNear(const std::map<std::string, std::vector<float>>& actual,
                const std::map<std::string, std::vector<float>>& expected,
                double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (const auto& [name, values] : expected) {
    const std::vector<float>& others = actual.at(name);
    ASSERT_EQ(others.size(), values.size());
    for (size_t i = 0; i < values.size(); ++i)
      ASSERT_NEAR(others[i], values[i], tolerance) << name << "[" << i << "]";
  }
}

TEST_F(RankShardsTest, StoppedAtAnyStepAndResumedTwoRanksGiveTheSameBits) {
  for (const int stage : {0, 1, 2}) {
    const auto straight = Train({.zero_stage = stage});
    for (int stop = 1; stop < 5; ++stop) {
      EXPECT_EQ(Train({.zero_stage = stage, .resume_from = absl::StrCat("rl-", stop)}), straight)
          << "stage " << stage << ", stopped after step " << stop;
    }
  }
}

TEST_F(RankShardsTest, AnotherNumberOfRanksGoesOnWithinRounding) {
  const auto straight = Train({.size = 2});
  EXPECT_THAT(FilesOf("rl-2"),
              ElementsAre("config.json",
                          "model.safetensors",
                          "optimizer-00001-of-00002.safetensors",
                          "optimizer-00002-of-00002.safetensors",
                          "trainer_state.json"));
  ExpectNear(Train({.size = 3, .zero_stage = 1, .resume_from = "rl-2"}), straight, 4e-6);
  ExpectNear(Train({.size = 1, .resume_from = "rl-3"}), straight, 4e-6);
  EXPECT_THAT(FilesOf("rl-4"),
              ElementsAre("config.json",
                          "model.safetensors",
                          "optimizer-00001-of-00001.safetensors",
                          "trainer_state.json"));
  ExpectNear(Train({.size = 2, .zero_stage = 0, .resume_from = "rl-4"}), straight, 4e-6);
  ExpectNear(Train({.size = 4, .resume_from = "rl-4"}), straight, 4e-6);
}

TEST_F(RankShardsTest, ARankThatDoesNotSeeTheFolderSendsItsShardAndReceivesIt) {
  const auto straight = Train({.size = 3});
  for (const int blind : {1, 2}) {
    EXPECT_EQ(Train({.size = 3, .blind_rank = blind}), straight);
    EXPECT_EQ(Train({.size = 3, .resume_from = "rl-3", .blind_rank = blind}), straight);
  }
  EXPECT_FALSE(base::FileExists(JoinPath(dir_.path(), "elsewhere")));
}

TEST_F(RankShardsTest, AShardThatDoesNotComeNamesTheRankAndLeavesTheOlderCheckpoint) {
  Train({.num_steps = 2});
  std::filesystem::create_directory_symlink(root(), JoinPath(dir_.path(), "link"));
  const auto exits = collective::RunRanks(3, [&](int rank, int port, int fd) {
    const Job job{.size = 3, .resume_from = "rl-2", .num_steps = 4, .mute_rank = 1};
    return RunRank(job, rank, port, fd).ok() ? 0 : 1;
  });
  for (const auto& exit : exits) EXPECT_EQ(exit.status, 0) << exit.output;
  EXPECT_THAT(Error(),
              HasSubstr("rank 1 has not written its shard of a checkpoint, "
                        "optimizer-00002-of-00003.safetensors, within 300ms"));
  EXPECT_THAT(checkpoint::SubfolderNames(root()), ElementsAre("rl-1", "rl-2"));
  EXPECT_EQ((*checkpoint::LoadNewestCheckpoint(root()))->name, "rl-2");
}

}  // namespace
}  // namespace convrec::learner
