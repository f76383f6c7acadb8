#include "services/learner/loop/evaluation.h"

#include "libs/base/status_macros.h"
#include "libs/report/activity.h"

namespace convrec::learner {
namespace {

int64_t StepOf(const RunState& state, report::Stage stage) {
  switch (stage) {
    case report::Stage::kZeroShot:
      return 0;
    case report::Stage::kSft:
      return state.sft_step;
    case report::Stage::kRl:
      return state.rl_step;
  }
  return 0;
}

}  // namespace

absl::Status EvaluateOnLeader(LearnerParts* parts, report::Stage stage, report::Split split) {
  const int64_t step = StepOf(parts->state, stage);
  Header header{.kind = Header::Kind::kEvaluation, .step = step};
  if (parts->leader != nullptr) {
    Tell(*parts,
         {.kind = report::Activity::Kind::kEvaluating,
          .what = report::DescribeEvaluation(stage, step, split)});
    const absl::Status status = parts->leader->evaluator->Evaluate({stage, step}, split);
    header.stop = absl::IsCancelled(status);
    if (!header.stop) CR_RETURN_IF_ERROR(status);
    header.save = !header.stop && stage == report::Stage::kRl &&
                  split == report::Split::kValidation &&
                  parts->checkpoints->LacksBest(parts->state);
  }
  header = parts->link->FromLeader(header);
  if (header.stop) return StoppedByASignal();
  if (header.save) return SaveCheckpoint(parts, Checkpoints::Place::kInStage);
  return absl::OkStatus();
}

}  // namespace convrec::learner
