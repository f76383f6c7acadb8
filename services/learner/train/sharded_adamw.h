// AdamW over several ranks (ZeRO): gradients are summed over the ranks while backward computes
// them, and every rank keeps and updates its share.
//
//   stage 0   all ranks hold everything; gradients are all-reduced
//   stage 1   each rank holds its shard of the moments; gradients are reduce-scattered once per
//             step and updated parameters all-gathered
//   stage 2   each rank holds its shard of the gradients too; buckets are reduce-scattered in every
//             backward pass and then freed, so whole gradients never exist
//   stage 3   each rank holds its shard of the parameters too (sharded_parameters.h); a bucket is a
//             unit, and the update stays within the shard
// Parameters have the same bits on all ranks after construction and after every Step(). The sums
// equal those of one rank up to rounding. All ranks call the same methods in the same order. A
// bucket is sent, on the process group's threads, as soon as backward has completed all its
// gradients, which hooks on the parameters detect. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "libs/model/decoder.h"
#include "services/learner/parallel/process_group.h"
#include "services/learner/parallel/shard_layout.h"
#include "services/learner/train/adamw.h"
#include "services/learner/train/buffer_pool.h"
#include "services/learner/train/sharded_parameters.h"

namespace convrec::learner {

class ShardedAdamW final {
 public:
  struct Options {
    AdamW::Options adamw;
    int zero_stage = 1;
    int64_t bucket_size = int64_t{1} << 23;  // Elements: 32 MiB.
  };

  // Gives all ranks the parameters of the leader, except at stage 3, where they have them already.
  // Keeps handles of `parameters`. `parameters`, `group` and `shards` (null below stage 3) must
  // outlive this object.
  ShardedAdamW(const Options& options,
               const std::vector<model::NamedTensor>& parameters,
               ProcessGroup* group,
               ShardedParameters* shards);
  ~ShardedAdamW();
  ShardedAdamW(const ShardedAdamW&) = delete;

  // Sets the gradients to zero.
  void BeginStep();

  // Call around every backward pass of a step. A rank that has fewer micro-batches than another
  // does nothing in between; at stage 3 it has made the calls of a forward pass before.
  void BeginBackward(bool is_last);
  void EndBackward();

  // What a rank tells all others about a step.
  struct Flags {
    bool stop = false;    // It was told to stop.
    bool refuse = false;  // The step is not to be taken.
  };
  // Call after the last backward pass: waits for the sums. Returns the same values on all ranks.
  struct Summed {
    double norm = 0;  // 2-norm over all gradients; not finite if any is not.
    Flags flags;      // Those that some rank raised.
  };
  Summed FinishGradients(const Flags& flags);

  // One update with the gradients times `scale`.
  void Step(double learning_rate, double scale);

  int64_t num_steps() const { return adamw_->num_steps(); }

  // The moments that `rank` holds, in its order. Pieces of this rank share memory with the
  // optimizer; those of other ranks only describe places. See AdamW::Moments().
  std::vector<MomentPiece> Moments(int rank) const;
  void SetNumSteps(int64_t num_steps) { adamw_->SetNumSteps(num_steps); }

 private:
  struct BucketState {
    Bucket layout;
    std::vector<ShardPiece> pieces;  // On this rank.
    at::Tensor whole;                // Gradients; stage 2: only while they are collected.
    at::Tensor shard;                // This rank's sums.
    at::Tensor incoming;             // Stage 2: the sums of one backward pass.
    size_t num_waiting = 0;          // Members whose gradient is not complete.
    std::unique_ptr<ProcessGroup::Pending> pending;
  };

  bool shards_gradients() const { return options_.zero_stage >= 2; }
  // Called when backward has completed the gradient of a parameter.
  void GradientCompleted(size_t parameter);
  // At stage 3; buckets are the units, last one first.
  int UnitOf(size_t bucket) const { return static_cast<int>(buckets_.size() - 1 - bucket); }
  void Reduce(BucketState* bucket);
  void Await(BucketState* bucket);
  void GatherParameters();
  at::Tensor NewWhole(const BucketState& bucket);

  const Options options_;
  const std::vector<model::NamedTensor> parameters_;
  ProcessGroup* const group_;
  ShardedParameters* const shards_;
  std::vector<BucketState> buckets_;
  BufferPool buffers_;                       // Stages 2 and 3.
  std::vector<size_t> bucket_of_;            // By parameter.
  std::vector<at::Tensor> piece_gradients_;  // Gradients of this rank.
  std::unique_ptr<AdamW> adamw_;             // Over the pieces; stage 0: over the parameters.
  bool reduces_ = false;                     // In the current backward pass.
  size_t next_ = 0;                          // Next bucket to send: buckets are sent in order.
};

}  // namespace convrec::learner
