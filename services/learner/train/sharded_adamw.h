// AdamW over many ranks (ZeRO): gradients are summed over the ranks while backward produces them,
// and every rank keeps and updates what is its share.
//
//   stage 0   all ranks hold everything; gradients are all-reduced
//   stage 1   each rank holds its shard of the moments; gradients are reduce-scattered once per
//             step and updated parameters all-gathered
//   stage 2   each rank holds its shard of the gradients too; buckets are reduce-scattered in every
//             backward pass and then freed, so whole gradients never exist
//   stage 3   each rank holds its shard of the parameters too (sharded_parameters.h); a bucket is a
//             unit, and the update stays within the shard
// Parameters are the same bits on all ranks after construction and after every Step(). The sums
// are those of one rank up to rounding. All ranks call the same methods in the same order. A
// bucket travels, on the process group's threads, as soon as backward has completed all its
// gradients; hooks on the parameters tell when. Not thread-safe.
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

  // Gives all ranks the parameters of the leader, which they have already at stage 3. Handles of
  // `parameters` are kept; they, `group` and `shards`, which is null but at stage 3, outlive this.
  ShardedAdamW(const Options& options,
               const std::vector<model::NamedTensor>& parameters,
               ProcessGroup* group,
               ShardedParameters* shards);
  ~ShardedAdamW();
  ShardedAdamW(const ShardedAdamW&) = delete;

  // Gradients are zero from here on.
  void BeginStep();

  // Around every backward pass of a step. A rank that has fewer micro-batches than another does
  // nothing in between; at stage 3 it has made the calls of a forward pass before.
  void BeginBackward(bool is_last);
  void EndBackward();

  // What a rank has to say of a step to all others.
  struct Flags {
    bool stop = false;    // It was told to stop.
    bool refuse = false;  // The step is not to be taken.
  };
  // After the last backward pass: waits for the sums. The same values on all ranks.
  struct Summed {
    double norm = 0;  // 2-norm over all gradients; not finite if any is not.
    Flags flags;      // Those that some rank raised.
  };
  Summed FinishGradients(const Flags& flags);

  // One update with the gradients times `scale`.
  void Step(double learning_rate, double scale);

  int64_t num_steps() const { return adamw_->num_steps(); }

  // What `rank` holds of the moments, in its order: those of this rank share memory with the
  // optimizer, those of others are places only. See AdamW::Moments().
  std::vector<MomentPiece> Moments(int rank) const;
  void SetNumSteps(int64_t num_steps) { adamw_->SetNumSteps(num_steps); }

 private:
  struct BucketState {
    Bucket layout;
    std::vector<ShardPiece> pieces;  // Of this rank.
    at::Tensor whole;                // Gradients; stage 2: only while they are collected.
    at::Tensor shard;                // This rank's sums.
    at::Tensor incoming;             // Stage 2: one backward pass's sums.
    size_t num_waiting = 0;          // Members whose gradient is not complete.
    std::unique_ptr<ProcessGroup::Pending> pending;
  };

  bool shards_gradients() const { return options_.zero_stage >= 2; }
  // Called when backward has completed the gradient of a parameter.
  void GradientCompleted(size_t parameter);
  // At stage 3; buckets are the units, the last one first.
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
  std::vector<at::Tensor> piece_gradients_;  // Of this rank.
  std::unique_ptr<AdamW> adamw_;             // Over the pieces; stage 0: over the parameters.
  bool reduces_ = false;                     // In this backward pass.
  size_t next_ = 0;                          // Buckets travel in order.
};

}  // namespace convrec::learner
