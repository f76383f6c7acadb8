// Turns batches into new parameters: forward, backward, clip, AdamW. Reinforcement learning and
// supervised fine-tuning are the same trainer with other batches.
//
// With a process group all ranks train one policy: they make the same calls, each with its share of
// a step, and the leader's statistics are those of the whole step.
//
// Owns the optimizer state; the policy belongs to the caller and is changed in place. Micro-batches
// change nothing but the order of summation. Not thread-safe; the train thread is the only user of
// policy, gradients and reference policy. This is the seam of the learner where torch's exceptions
// end: they become Internal, or ResourceExhausted with a memory table when memory ran out; the
// step then has changed nothing (with several updates per batch: the failed update).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/model/decoder.h"
#include "services/learner/parallel/process_group.h"
#include "services/learner/parallel/step_share.h"
#include "services/learner/train/adamw.h"
#include "services/learner/train/group_forward.h"
#include "services/learner/train/lr_schedule.h"
#include "services/learner/train/sharded_adamw.h"
#include "services/learner/train/step_stats.h"

namespace convrec::learner {

class Trainer final {
 public:
  struct Options {
    AdamW::Options adamw;
    LrSchedule schedule;
    double max_grad_norm = 1.0;         // Global norm; 0 = no clipping.
    int64_t microbatch_tokens = 16384;  // See batch/microbatch.h.
    int updates_per_batch = 1;          // mu: optimizer updates per batch of groups.
    double max_logprob_gap = 0;         // See batch/logprob_gap.h; 0 = no bound.
    ForwardOptions forward;
    int zero_stage = 1;  // With a process group; see sharded_adamw.h.
    int64_t bucket_size = int64_t{1} << 23;
    // Called on the train thread after each micro-batch of this rank, with how many of the step's
    // are done; several updates count each one again. Empty = nobody is told.
    std::function<void(int64_t done, int64_t of)> on_microbatch = {};
  };

  // `policy` is trainable (its adapter alone, where it has one) and outlives the trainer, as do
  // `clock`, `group` and `shards`. A null `group` is one rank; else all ranks create their trainers
  // at the same time, and have rank 0's policy then. `shards` are those of the policy at stage 3,
  // null else; a reference policy may be sharded on its own, on all ranks.
  static absl::StatusOr<std::unique_ptr<Trainer>> Create(
      const Options& options,
      model::Decoder* policy,
      const base::Clock* clock = base::Clock::Real(),
      ProcessGroup* group = nullptr,
      ShardedParameters* shards = nullptr);

  // Rank-GRPO and its relatives, as the batch's objective says. shares[0] is this rank's own; on
  // the leader those of ranks 1, 2, ... follow. `reference` may be null: no KL term. Ratios of
  // groups of lag 0 are against the policy before the first update, which costs no extra pass; see
  // RatioAnchor for older groups. A gradient that is not finite refuses the update and the rest of
  // the batch: the stats say so, the parameters stay as they are. A gap above max_logprob_gap, on
  // any rank, changes nothing and is the same InvalidArgument on all ranks.
  absl::StatusOr<StepStats> PolicyStep(std::span<const PolicyShare> shares,
                                       const model::Decoder* reference);

  // One update on -log pi(completion | prompt), averaged over all completion tokens of the rows of
  // all ranks.
  absl::StatusOr<SftStats> SftStep(const SftShare& share);

  // How a step is spread for this trainer and those of the other ranks.
  Spread spread() const;

  // Log-probabilities of every completion token by group and sibling, without gradient, under any
  // decoder that is not sharded. Splits into micro-batches like a step.
  absl::StatusOr<std::vector<std::vector<std::vector<float>>>> Logprobs(
      const model::Decoder& decoder, const std::vector<TokenGroup>& groups) const;

  // What `rank` holds of the moments, in its order: those of this rank share memory with the
  // optimizer, those of others are places only. Ranks from num_shards() on hold nothing else than
  // the others do. Who writes to them and sets the number of updates, on all ranks, puts an earlier
  // state in.
  std::vector<MomentPiece> Moments(int rank) const;
  int num_shards() const;
  void SetNumUpdates(int64_t num_updates);

  int64_t num_updates() const { return sharded_ ? sharded_->num_steps() : adamw_->num_steps(); }

  // Of one rank.
  AdamW& optimizer() { return *adamw_; }

  // Updates refused because of a gradient that was not finite.
  int64_t num_refused_updates() const { return num_refused_updates_; }

 private:
  Trainer(const Options& options,
          model::Decoder* policy,
          const base::Clock* clock,
          ProcessGroup* group,
          ShardedParameters* shards);

  class PolicyUpdates;
  SftStats RunSftStep(const std::vector<TokenGroup>& groups, const SftShare& share);
  void AddOtherRanks(SftStats* stats);
  void BeginStep();
  // An undefined loss: this rank has nothing for this round.
  void Backward(const at::Tensor& loss, bool is_last);
  // Norm, clip and update with the gradients at hand, unless some rank refuses the step.
  UpdateStats Update(bool refuse = false);

  const Options options_;
  model::Decoder* const policy_;
  const base::Clock* const clock_;
  ProcessGroup* const group_;              // Null: one rank.
  std::unique_ptr<AdamW> adamw_;           // One rank.
  std::unique_ptr<ShardedAdamW> sharded_;  // Many.
  int64_t num_refused_updates_ = 0;
};

}  // namespace convrec::learner
