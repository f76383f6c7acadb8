// Trains the policy: forward, backward, clipping, AdamW. Reinforcement learning and supervised
// fine-tuning use the same trainer with different batches.
//
// With a process group, all ranks train one policy: they make the same calls, each with its share
// of a step. The leader's statistics are those of the whole step.
//
// Owns the optimizer state; the policy belongs to the caller and is changed in place. Micro-batches
// change only the order of summation. Not thread-safe; only the training thread uses policy,
// gradients and reference policy. Torch's exceptions end here: they become Internal, or
// ResourceExhausted with a memory table if memory ran out. The step has then changed nothing (with
// several updates per batch: the failed update has not).
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
    // Called on the train thread after each micro-batch of this rank, with the number of the step's
    // micro-batches that are done; several updates count each one again. May be empty.
    std::function<void(int64_t done, int64_t of)> on_microbatch = {};
  };

  // `policy` is trainable (only its adapter, if it has one) and must outlive the trainer, as must
  // `clock`, `group` and `shards`. A null `group` means one rank; otherwise all ranks create their
  // trainers at the same time and then have rank 0's policy. `shards` are those of the policy at
  // stage 3, else null; a reference policy may be sharded separately, on all ranks.
  static absl::StatusOr<std::unique_ptr<Trainer>> Create(
      const Options& options,
      model::Decoder* policy,
      const base::Clock* clock = base::Clock::Real(),
      ProcessGroup* group = nullptr,
      ShardedParameters* shards = nullptr);

  // Policy optimization (Rank-GRPO and the others), as the batch's objective says. shares[0] is
  // this rank's own; on the leader, those of ranks 1, 2, ... follow. `reference` may be null: no KL
  // term. Ratios of groups with lag 0 are relative to the policy before the first update, which
  // costs no extra pass; for older groups see RatioAnchor. If a gradient is not finite, the update
  // and the rest of the batch are refused: the stats say so, and the parameters stay unchanged. A
  // gap above max_logprob_gap, on any rank, changes nothing and is the same InvalidArgument on all
  // ranks.
  absl::StatusOr<StepStats> PolicyStep(std::span<const PolicyShare> shares,
                                       const model::Decoder* reference);

  // One update on -log pi(completion | prompt), averaged over all completion tokens in the rows of
  // all ranks.
  absl::StatusOr<SftStats> SftStep(const SftShare& share);

  // How a step must be divided for this trainer and those of the other ranks.
  Spread spread() const;

  // Log-probabilities of every completion token by group and sibling, without gradient, under any
  // decoder that is not sharded. Uses micro-batches like a step.
  absl::StatusOr<std::vector<std::vector<std::vector<float>>>> Logprobs(
      const model::Decoder& decoder, const std::vector<TokenGroup>& groups) const;

  // The moments that `rank` holds, in its order. Pieces of this rank share memory with the
  // optimizer; those of other ranks only describe places. Ranks from num_shards() on hold nothing
  // that the others do not. To restore a state, write into these pieces and set the number of
  // updates, on all ranks.
  std::vector<MomentPiece> Moments(int rank) const;
  int num_shards() const;
  void SetNumUpdates(int64_t num_updates);

  int64_t num_updates() const { return sharded_ ? sharded_->num_steps() : adamw_->num_steps(); }

  // With one rank.
  AdamW& optimizer() { return *adamw_; }

  // Number of updates refused because a gradient was not finite.
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
  // An undefined loss means that this rank has nothing in this round.
  void Backward(const at::Tensor& loss, bool is_last);
  // Norm, clipping and update with the current gradients, unless some rank refuses the step.
  UpdateStats Update(bool refuse = false);

  const Options options_;
  model::Decoder* const policy_;
  const base::Clock* const clock_;
  ProcessGroup* const group_;              // Null with one rank.
  std::unique_ptr<AdamW> adamw_;           // With one rank.
  std::unique_ptr<ShardedAdamW> sharded_;  // With several.
  int64_t num_refused_updates_ = 0;
};

}  // namespace convrec::learner
