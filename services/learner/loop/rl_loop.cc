#include "services/learner/loop/rl_loop.h"

#include <utility>

#include "libs/base/status_macros.h"
#include "services/learner/parallel/step_share.h"

namespace convrec::learner {

using Kind = report::Activity::Kind;

absl::Status RlLoop::Begin() {
  learner::Tell(parts_, {.what = "preparing reinforcement learning"});
  CR_RETURN_IF_ERROR(parts_.training->Begin(report::Stage::kRl));
  if (parts_.plan.has_reference) {
    CR_RETURN_IF_ERROR(parts_.checkpoints->Finish());
    CR_RETURN_IF_ERROR(parts_.training->LoadReference());
  }
  if (parts_.leader != nullptr) {
    parts_.leader->batches->Allow((parts_.plan.rl_steps - parts_.state.rl_step) *
                                  parts_.plan.groups_per_step);
  }
  return absl::OkStatus();
}

absl::Status RlLoop::Prepare(Header* header) {
  CR_RETURN_IF_ERROR(parts_.checkpoints->Poll());
  const base::Clock& clock = *parts_.leader->clock;
  Tell(Kind::kSampling, parts_.plan.groups_per_step);
  start_ = clock.Now();
  absl::StatusOr<std::vector<PromptedGroup>> groups = parts_.leader->batches->Take();
  if (absl::IsCancelled(groups.status())) {
    header->stop = true;
    return absl::OkStatus();
  }
  CR_RETURN_IF_ERROR(groups.status());
  groups_ = *std::move(groups);
  wait_ = clock.Now() - start_;
  CR_ASSIGN_OR_RETURN(
      TrainingBatch batch,
      BuildTrainingBatch(groups_, parts_.objective, VersionOf(parts_.state.rl_step)));
  CR_ASSIGN_OR_RETURN(shares_,
                      SpreadBatch(std::move(batch),
                                  {.num_ranks = parts_.link->num_ranks(),
                                   .microbatch_tokens = parts_.plan.microbatch_tokens}));
  header->share = EncodeShares(shares_);
  return absl::OkStatus();
}

void RlLoop::Receive(const Header& header) {
  PolicyShare share = DecodePolicyShare(header.share, parts_.link->rank());
  // These follow from the configuration and the prompt.
  share.batch.objective = parts_.objective;
  if (parts_.make_constraint) {
    for (SampleGroup& group : share.batch.groups)
      group.make_constraint = parts_.make_constraint(group.id);
  }
  shares_.clear();
  shares_.push_back(std::move(share));
}

absl::Status RlLoop::Step() {
  Tell(Kind::kTraining, 0);
  CR_ASSIGN_OR_RETURN(const StepStats stats, parts_.training->PolicyStep(shares_));
  Tell(Kind::kPublishing, 0);
  ++parts_.state.rl_step;
  const domain::PolicyVersion version = VersionOf(parts_.state.rl_step);
  if (parts_.leader == nullptr) return parts_.publisher->Publish(version);
  const base::Clock& clock = *parts_.leader->clock;
  const absl::Time publishing = clock.Now();
  CR_RETURN_IF_ERROR(parts_.publisher->Publish(version));
  return parts_.leader->reporter->Report({.step = parts_.state.rl_step,
                                          .start = start_,
                                          .wait = wait_,
                                          .publish = clock.Now() - publishing,
                                          .groups = groups_,
                                          .stats = stats});
}

void RlLoop::Tell(report::Activity::Kind kind, int64_t of) const {
  learner::Tell(parts_,
                {.kind = kind,
                 .stage = "RL",
                 .step = parts_.state.rl_step + 1,
                 .total_steps = parts_.plan.rl_steps,
                 .of = of});
}

}  // namespace convrec::learner
