// The optimizer state of a checkpoint, which all ranks write and read together.
//
// A rank that can access the checkpoint folder writes its shard there itself, on a thread of its
// own, and marks it as done with a small file next to the shard. The other ranks send their shards
// tensor by tensor to rank 0, which writes them as they arrive. Which ranks can access the folder
// is detected, not configured. Reading works the same way in the other direction, for any number of
// ranks and shards.
//
// All ranks call Meet(), Begin() and Restore() at the same time. Rank 0 prepares its data before it
// joins an operation in which the others wait. Training thread only, except Finish().
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
  // `root` is the path on this rank. `group` must outlive this object; null = one rank. `timeout`:
  // how long rank 0 waits for the shards of the others.
  RankShards(std::string root, ProcessGroup* group, absl::Duration timeout);
  ~RankShards();  // Waits for the shard being written.
  RankShards(const RankShards&) = delete;

  // Call once, before anything else: detects which ranks can access the folder.
  absl::Status Meet();

  // Copies this rank's shard; the copy is kept until the next call. A rank other than 0 then writes
  // its shard, or sends it to rank 0, which writes what it receives. `folder` is rank 0's, directly
  // below the root; on other ranks it is ignored.
  absl::Status Begin(const std::string& folder, const Trainer& trainer);
  // Rank 0 only, on any thread, once after Begin(): writes its own shard and waits for the others'.
  // Unavailable names a rank that has not written its shard in time.
  absl::StatusOr<std::vector<checkpoint::CheckpointFile>> Finish();

  // Puts moments and number of updates into the trainers of all ranks. `checkpoint` is rank 0's; on
  // other ranks it is ignored. A state of another model gives InvalidArgument on rank 0, and
  // nothing is changed.
  absl::Status Restore(const checkpoint::Checkpoint& checkpoint, Trainer* trainer);

 private:
  bool SeesFolder(int rank) const { return sees_folder_[static_cast<size_t>(rank)] == '1'; }
  absl::Status AnswerTo(const std::string& folder) const;
  // On ranks other than 0.
  absl::Status GiveOwn(const std::string& folder, const Trainer& trainer);
  absl::Status TakeOwn(const std::string& place, Trainer* trainer) const;
  // On rank 0.
  void SendMoments(const checkpoint::OptimizerShards& shards, const Trainer& trainer) const;
  absl::StatusOr<checkpoint::CheckpointFile> WriteOwn(const std::string& folder,
                                                      int num_shards) const;
  // On a rank that cannot access the folder.
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
  std::string folder_;  // Folder of the current checkpoint.
  int num_shards_ = 1;
  std::thread thread_;  // On ranks other than 0.
};

}  // namespace convrec::learner
