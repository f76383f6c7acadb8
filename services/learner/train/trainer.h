// Turns batches into new parameters: forward, backward, clip, AdamW. Reinforcement learning and
// supervised fine-tuning are the same trainer with other batches.
//
// Owns the optimizer state; the policy belongs to the caller and is changed in place. Micro-batches
// change nothing but the order of summation. Not thread-safe; the train thread is the only user of
// policy, gradients and reference policy. This is the seam of the learner where torch's exceptions
// end: they become Internal, or ResourceExhausted with a memory table when memory ran out; the
// step then has changed nothing (with several updates per batch: the failed update).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/model/decoder.h"
#include "services/learner/batch/sft_row.h"
#include "services/learner/batch/training_batch.h"
#include "services/learner/train/adamw.h"
#include "services/learner/train/group_forward.h"
#include "services/learner/train/lr_schedule.h"
#include "services/learner/train/step_stats.h"

namespace convrec::learner {

class Trainer final {
 public:
  struct Options {
    AdamW::Options adamw;
    LrSchedule schedule;
    double max_grad_norm = 1.0;         // Global norm; 0 = no clipping.
    int64_t microbatch_tokens = 16384;  // Padded tokens; see batch/microbatch.h.
    int updates_per_batch = 1;          // mu: optimizer updates per batch of groups.
    ForwardOptions forward;
  };

  // `policy` is trainable and outlives the trainer, as does `clock`.
  static absl::StatusOr<std::unique_ptr<Trainer>> Create(
      const Options& options,
      model::Decoder* policy,
      const base::Clock* clock = base::Clock::Real());

  // Rank-GRPO and its relatives, as batch.objective says. `reference` may be null: no KL term.
  // Ratios of groups of lag 0 are against the policy before the first update, which costs no extra
  // pass; see RatioAnchor for older groups. A gradient that is not finite refuses the update and
  // the rest of the batch: the stats say so, the parameters stay as they are.
  absl::StatusOr<StepStats> PolicyStep(const TrainingBatch& batch, const model::Decoder* reference);

  // One update on -log pi(completion | prompt), averaged over all completion tokens of the rows.
  absl::StatusOr<SftStats> SftStep(const std::vector<SftRow>& rows);

  // Log-probabilities of every completion token by group and sibling, without gradient, under any
  // decoder. Splits into micro-batches like a step.
  absl::StatusOr<std::vector<std::vector<std::vector<float>>>> Logprobs(
      const model::Decoder& decoder, const std::vector<TokenGroup>& groups) const;

  AdamW& optimizer() { return optimizer_; }
  const AdamW& optimizer() const { return optimizer_; }

  // Updates refused because of a gradient that was not finite.
  int64_t num_refused_updates() const { return num_refused_updates_; }

 private:
  Trainer(const Options& options, model::Decoder* policy, const base::Clock* clock);

  StepStats RunPolicyStep(const TrainingBatch& batch,
                          const std::vector<TokenGroup>& groups,
                          const model::Decoder* reference);
  SftStats RunSftStep(const std::vector<TokenGroup>& groups);
  // Norm, clip and update with the gradients at hand.
  UpdateStats Update();

  const Options options_;
  model::Decoder* const policy_;
  const base::Clock* const clock_;
  AdamW optimizer_;
  int64_t num_refused_updates_ = 0;
};

}  // namespace convrec::learner
