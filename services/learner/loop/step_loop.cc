#include "services/learner/loop/step_loop.h"

#include "libs/base/status_macros.h"
#include "services/learner/loop/evaluation.h"

namespace convrec::learner {

absl::Status StepLoop::Run() {
  CR_RETURN_IF_ERROR(Begin());
  while (true) {
    if (ValidationIsDue(parts_.plan, parts_.state)) {
      CR_RETURN_IF_ERROR(EvaluateOnLeader(&parts_, report::Stage::kRl, report::Split::kValidation));
    }
    const bool is_complete = step_ >= num_steps_;
    Header header{.kind = kind_, .step = step_ + 1};
    if (parts_.leader != nullptr) {
      header.stop = parts_.leader->stop_requested();
      if (!header.stop && !is_complete) CR_RETURN_IF_ERROR(Prepare(&header));
    }
    header = parts_.link->FromLeader(header);
    if (header.stop) return StoppedByASignal();
    if (is_complete) return absl::OkStatus();
    if (parts_.leader == nullptr) Receive(header);
    CR_RETURN_IF_ERROR(Step());
    if (CheckpointIsDue(parts_.plan, parts_.state)) {
      CR_RETURN_IF_ERROR(SaveCheckpoint(&parts_, Checkpoints::Place::kInStage));
    }
  }
}

}  // namespace convrec::learner
