// Writes checkpoints while training goes on.
//
// Begin() copies what is to be written and returns; a thread of its own, which owns only the copy,
// writes, syncs and renames. One write at a time. Not thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/model/decoder.h"
#include "services/learner/checkpoint/checkpoint.h"

namespace convrec::learner {

class CheckpointWriter final {
 public:
  CheckpointWriter() = default;
  ~CheckpointWriter();  // Waits for the write under way.
  CheckpointWriter(const CheckpointWriter&) = delete;

  // Waits for the write before this one and returns its error, without beginning another.
  // `on_written`, which may be empty, is called on the writer's thread with the time it took.
  absl::Status Begin(const CheckpointOptions& options,
                     const model::Decoder& policy,
                     std::optional<OptimizerState> optimizer,
                     std::function<void(absl::Duration)> on_written = {});

  // The error of a write that has ended, once; OK while one is under way. Does not block.
  absl::Status Poll();

  // Waits for the write under way; its error, once.
  absl::Status Finish();

 private:
  std::thread thread_;
  std::atomic<bool> has_ended_{true};
  absl::Status status_;                   // The thread's until it has ended.
  std::unique_ptr<model::Decoder> copy_;  // Likewise. Kept for the next write.
};

}  // namespace convrec::learner
