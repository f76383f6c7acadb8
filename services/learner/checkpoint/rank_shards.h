// The optimizer's part of a checkpoint, which all ranks write and read together.
//
// A rank that sees the folder of checkpoints writes its shard into it by itself, on a thread of its
// own, and says so with a small file beside the shard; the shards of others travel to rank 0,
// tensor by tensor, which writes them as they come. Which rank sees the folder is found out, not
// configured. Reading is the same the other way round, for any number of ranks and shards.
//
// All ranks call Meet(), Begin() and Restore() at the same time. Rank 0 prepares before the others
// wait in an operation with it. Train thread only, but for Finish().
#pragma once

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/checkpoint/manifest.h"
#include "libs/checkpoint/optimizer_shards.h"
#include "services/learner/checkpoint/moment_copy.h"
#include "services/learner/parallel/process_group.h"
#include "services/learner/train/trainer.h"

namespace convrec::learner {

class RankShards final {
 public:
  // `root` as this rank knows it. `group` outlives this; null = one rank. `timeout`: how long rank
  // 0 waits for the shards of others.
  RankShards(std::string root, ProcessGroup* group, absl::Duration timeout);
  ~RankShards();  // Waits for the shard that is written.
  RankShards(const RankShards&) = delete;

  // Once, before anything else: finds out which ranks see the folder.
  absl::Status Meet();

  // Copies this rank's shard; the copy stays until the next call. A rank other than 0 then writes
  // it, or sends it to rank 0, which writes what it receives. `folder` is rank 0's, right under the
  // root; what other ranks pass is not looked at.
  absl::Status Begin(const std::string& folder, const Trainer& trainer);
  // Rank 0, on any thread, once after Begin(): writes its own shard and waits for the others'.
  // Unavailable names a rank that has not written its shard in time.
  absl::StatusOr<std::vector<checkpoint::CheckpointFile>> Finish();

  // Puts moments and number of updates into the trainers of all ranks. `checkpoint` is rank 0's;
  // what other ranks pass is not looked at. A state of another model is InvalidArgument on rank 0,
  // and then nothing has changed.
  absl::Status Restore(const checkpoint::Checkpoint& checkpoint, Trainer* trainer);

 private:
  bool SeesFolder(int rank) const { return sees_folder_[static_cast<size_t>(rank)] == '1'; }
  absl::Status AnswerTo(const std::string& folder) const;
  // Ranks other than 0.
  absl::Status GiveOwn(const std::string& folder, const Trainer& trainer);
  absl::Status TakeOwn(const std::string& place, Trainer* trainer) const;
  // Rank 0.
  void SendMoments(const checkpoint::OptimizerShards& shards, const Trainer& trainer) const;
  absl::StatusOr<checkpoint::CheckpointFile> WriteOwn(const std::string& folder,
                                                      int num_shards) const;
  // Of a rank that sees no folder.
  absl::Status WriteReceived(const std::string& path,
                             int rank,
                             const std::vector<MomentPiece>& places);
  absl::StatusOr<checkpoint::CheckpointFile> AwaitShard(const std::string& folder,
                                                        int rank,
                                                        absl::Time deadline) const;
  absl::Status ReadOwn(const checkpoint::Checkpoint& checkpoint, Trainer* trainer) const;

  const std::string root_;
  ProcessGroup* const group_;
  const absl::Duration timeout_;
  const int rank_;
  std::string sees_folder_;  // '1' or '0' by rank; the same on all ranks.
  MomentCopy copy_;
  std::string folder_;  // Of the checkpoint under way.
  int num_shards_ = 1;
  std::thread thread_;  // Of ranks other than 0.
};

}  // namespace convrec::learner
