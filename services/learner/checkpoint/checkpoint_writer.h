// Writes checkpoints while training continues.
//
// Begin() copies what is to be written and returns. A separate thread, which owns only the copy,
// writes, syncs and renames. The memory of the copy is reused for the next one. One write at a
// time. Not thread-safe.
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
  // `shards` must outlive the writer.
  explicit CheckpointWriter(RankShards* shards) : shards_(shards) {}
  ~CheckpointWriter();  // Waits for the current write.
  CheckpointWriter(const CheckpointWriter&) = delete;

  // Waits for the previous write and returns its error, without starting another write. `trainer`
  // may be null: no optimizer state. `on_written`, which may be empty, is called on the writer's
  // thread with the time the write took. A failed write leaves all older checkpoints unchanged.
  absl::Status Begin(const checkpoint::CheckpointOptions& options,
                     const model::Decoder& policy,
                     const Trainer* trainer,
                     std::function<void(absl::Duration)> on_written = {});

  // Returns once the error of a write that has ended; OK while a write is in progress. Does not
  // block.
  absl::Status Poll();

  // Waits for the current write and returns its error, once.
  absl::Status Finish();

 private:
  absl::Status CopyModel(const model::Decoder& policy);

  RankShards* const shards_;
  std::thread thread_;
  std::atomic<bool> has_ended_{true};
  absl::Status status_;                   // Used by the thread until it has ended.
  std::unique_ptr<model::Decoder> copy_;  // Likewise.
};

}  // namespace convrec::learner
