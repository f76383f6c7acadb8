// Writes checkpoints while training goes on.
//
// Begin() copies what is to be written and returns; a thread of its own, which owns only the copy,
// writes, syncs and renames. Memory of the copy is kept for the next one. One write at a time. Not
// thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/checkpoint/unfinished_checkpoint.h"
#include "libs/model/decoder.h"
#include "services/learner/checkpoint/rank_shards.h"
#include "services/learner/train/trainer.h"

namespace convrec::learner {

class CheckpointWriter final {
 public:
  // `shards` outlives this.
  explicit CheckpointWriter(RankShards* shards) : shards_(shards) {}
  ~CheckpointWriter();  // Waits for the write under way.
  CheckpointWriter(const CheckpointWriter&) = delete;

  // Waits for the write before this one and returns its error, without beginning another. `trainer`
  // may be null: no optimizer. `on_written`, which may be empty, is called on the writer's thread
  // with the time it took. A failed write leaves all older checkpoints as they were.
  absl::Status Begin(const checkpoint::CheckpointOptions& options,
                     const model::Decoder& policy,
                     const Trainer* trainer,
                     std::function<void(absl::Duration)> on_written = {});

  // The error of a write that has ended, once; OK while one is under way. Does not block.
  absl::Status Poll();

  // Waits for the write under way; its error, once.
  absl::Status Finish();

 private:
  absl::Status CopyModel(const model::Decoder& policy);

  RankShards* const shards_;
  std::thread thread_;
  std::atomic<bool> has_ended_{true};
  absl::Status status_;                   // The thread's until it has ended.
  std::unique_ptr<model::Decoder> copy_;  // Likewise.
};

}  // namespace convrec::learner
