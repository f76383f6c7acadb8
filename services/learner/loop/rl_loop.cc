#include "services/learner/loop/rl_loop.h"

#include <utility>

#include "libs/base/status_macros.h"
#include "services/learner/loop/evaluation.h"
#include "services/learner/parallel/step_share.h"

namespace convrec::learner {

absl::Status RlLoop::Run() {
  CR_RETURN_IF_ERROR(parts_.training->Begin(report::Stage::kRl));
  if (parts_.plan.has_reference) {
    CR_RETURN_IF_ERROR(parts_.checkpoints->Finish());
    CR_RETURN_IF_ERROR(parts_.training->LoadReference());
  }
  if (parts_.leader != nullptr) {
    parts_.leader->batches->Allow((parts_.plan.rl_steps - parts_.state.rl_step) *
                                  parts_.plan.groups_per_step);
  }
  CR_RETURN_IF_ERROR(ValidateIfDue());
  while (true) {
    CR_ASSIGN_OR_RETURN(const std::optional<Work> work, Next());
    if (!work) return absl::OkStatus();
    CR_RETURN_IF_ERROR(Step(*work));
    if (CheckpointIsDue(parts_.plan, parts_.state)) {
      CR_RETURN_IF_ERROR(parts_.checkpoints->Save(parts_.state, Checkpoints::Place::kInStage));
    }
    CR_RETURN_IF_ERROR(ValidateIfDue());
  }
}

absl::StatusOr<std::optional<RlLoop::Work>> RlLoop::Next() {
  Work work;
  Header header{.kind = Header::Kind::kPolicyStep, .step = parts_.state.rl_step + 1};
  const bool is_complete = parts_.state.rl_step >= parts_.plan.rl_steps;
  if (parts_.leader != nullptr) {
    header.stop = parts_.leader->stop_requested();
    if (!header.stop && !is_complete) CR_RETURN_IF_ERROR(Prepare(&header, &work));
  }
  header = parts_.link->FromLeader(header);
  if (header.stop) return StoppedByASignal();
  if (is_complete) return std::nullopt;
  if (parts_.leader == nullptr) work.shares.push_back(OwnShare(header));
  return work;
}

absl::Status RlLoop::Prepare(Header* header, Work* work) {
  CR_RETURN_IF_ERROR(parts_.checkpoints->Poll());
  const base::Clock& clock = *parts_.leader->clock;
  work->start = clock.Now();
  absl::StatusOr<std::vector<PromptedGroup>> groups = parts_.leader->batches->Take();
  if (absl::IsCancelled(groups.status())) {
    header->stop = true;
    return absl::OkStatus();
  }
  CR_RETURN_IF_ERROR(groups.status());
  work->groups = *std::move(groups);
  work->wait = clock.Now() - work->start;
  CR_ASSIGN_OR_RETURN(
      TrainingBatch batch,
      BuildTrainingBatch(work->groups, parts_.objective, VersionOf(parts_.state.rl_step)));
  CR_ASSIGN_OR_RETURN(work->shares,
                      SpreadBatch(std::move(batch),
                                  {.num_ranks = parts_.link->num_ranks(),
                                   .microbatch_tokens = parts_.plan.microbatch_tokens}));
  header->share = EncodeShares(work->shares);
  return absl::OkStatus();
}

// Objective and constraints follow from the configuration and the prompt.
PolicyShare RlLoop::OwnShare(const Header& header) const {
  PolicyShare share = DecodePolicyShare(header.share, parts_.link->rank());
  share.batch.objective = parts_.objective;
  if (!parts_.make_constraint) return share;
  for (SampleGroup& group : share.batch.groups)
    group.make_constraint = parts_.make_constraint(group.id);
  return share;
}

absl::Status RlLoop::Step(const Work& work) {
  CR_ASSIGN_OR_RETURN(const StepStats stats, parts_.training->PolicyStep(work.shares));
  ++parts_.state.rl_step;
  const domain::PolicyVersion version = VersionOf(parts_.state.rl_step);
  if (parts_.leader == nullptr) return parts_.publisher->Publish(version);
  const base::Clock& clock = *parts_.leader->clock;
  const absl::Time publishing = clock.Now();
  CR_RETURN_IF_ERROR(parts_.publisher->Publish(version));
  return parts_.leader->reporter->Report({.step = parts_.state.rl_step,
                                          .start = work.start,
                                          .wait = work.wait,
                                          .publish = clock.Now() - publishing,
                                          .groups = work.groups,
                                          .stats = stats});
}

absl::Status RlLoop::ValidateIfDue() {
  if (!ValidationIsDue(parts_.plan, parts_.state)) return absl::OkStatus();
  return EvaluateOnLeader(&parts_, report::Stage::kRl, report::Split::kValidation);
}

}  // namespace convrec::learner
