#include "services/learner/loop/stages.h"

#include "libs/base/status_macros.h"
#include "services/learner/loop/evaluation.h"
#include "services/learner/loop/rl_loop.h"
#include "services/learner/loop/sft_loop.h"

namespace convrec::learner {
namespace {

using report::Split;
using report::Stage;

absl::Status Publish(LearnerParts* parts, domain::PolicyVersion version) {
  Tell(*parts, {.kind = report::Activity::Kind::kPublishing});
  return parts->publisher->Publish(version);
}

absl::Status RunZeroShot(LearnerParts* parts) {
  CR_RETURN_IF_ERROR(Publish(parts, {0}));
  return EvaluateOnLeader(parts, Stage::kZeroShot, Split::kTest);
}

absl::Status RunSft(LearnerParts* parts) {
  const bool has_steps = parts->plan.sft_steps > 0;
  if (has_steps) CR_RETURN_IF_ERROR(SftLoop(parts).Run());
  CR_RETURN_IF_ERROR(Publish(parts, VersionOf(0)));
  if (has_steps) {
    CR_RETURN_IF_ERROR(EvaluateOnLeader(parts, Stage::kSft, Split::kTest));
    if (parts->plan.evaluate_every > 0)
      CR_RETURN_IF_ERROR(EvaluateOnLeader(parts, Stage::kSft, Split::kValidation));
  }
  // The policy that reinforcement learning starts from, and is held near to.
  parts->state.in_rl = true;
  parts->training->End();
  return SaveCheckpoint(parts, Checkpoints::Place::kStageEnd);
}

absl::Status RunRl(LearnerParts* parts) {
  CR_RETURN_IF_ERROR(RlLoop(parts).Run());
  CR_RETURN_IF_ERROR(EvaluateOnLeader(parts, Stage::kRl, Split::kTest));
  return SaveCheckpoint(parts, Checkpoints::Place::kStageEnd);
}

absl::Status RunToTheEnd(LearnerParts* parts) {
  const bool is_fresh = !parts->state.in_rl && !HasSteps(parts->state);
  if (is_fresh && parts->plan.zero_shot) CR_RETURN_IF_ERROR(RunZeroShot(parts));
  if (parts->state.in_rl) {
    CR_RETURN_IF_ERROR(Publish(parts, VersionOf(parts->state.rl_step)));
  } else {
    CR_RETURN_IF_ERROR(RunSft(parts));
  }
  if (parts->plan.rl_steps > 0) CR_RETURN_IF_ERROR(RunRl(parts));
  Tell(*parts, {.kind = report::Activity::Kind::kSaving, .what = "writing the last checkpoint"});
  return parts->checkpoints->Finish();
}

absl::Status SaveStopped(LearnerParts* parts) {
  if (HasSteps(parts->state)) {
    CR_RETURN_IF_ERROR(SaveCheckpoint(parts, Checkpoints::Place::kInStage));
  }
  Tell(*parts, {.kind = report::Activity::Kind::kSaving, .what = "writing the last checkpoint"});
  return parts->checkpoints->Finish();
}

}  // namespace

absl::Status RunStages(LearnerParts* parts) {
  const absl::Status status = RunToTheEnd(parts);
  if (!absl::IsCancelled(status)) return status;
  CR_RETURN_IF_ERROR(SaveStopped(parts));
  return status;
}

}  // namespace convrec::learner
